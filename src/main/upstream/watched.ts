import type { Upstream } from '../../ports.ts';

/** The same upstream, which reports its failures: `not_sent`, `lost`, or the HTTP status if it is 500 or higher. */
export function countingFailures(upstream: Upstream, failed: (kind: string) => void): Upstream {
  return {
    kind: upstream.kind,
    ...(upstream.notRun && { notRun: upstream.notRun }),
    keepGrants: (keeps) => upstream.keepGrants?.(keeps),
    close: () => upstream.close(),
    exchange: (exchange) =>
      upstream.exchange(exchange).then((answer) => {
        if (answer.kind !== 'answer') failed(answer.kind);
        else if (answer.status >= 500) failed(String(answer.status));
        return answer;
      }),
  };
}
