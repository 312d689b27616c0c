import type { Upstream } from '../../ports.ts';

/** The same upstream, whose failures are told: `not_sent`, `lost`, or the status of a server that failed. */
export function watched(upstream: Upstream, failed: (kind: string) => void): Upstream {
  return {
    kind: upstream.kind,
    close: () => upstream.close(),
    exchange: (exchange) =>
      upstream.exchange(exchange).then((answer) => {
        if (answer.kind !== 'answer') failed(answer.kind);
        else if (answer.status >= 500) failed(String(answer.status));
        return answer;
      }),
  };
}
