import { member } from '../../domain/json/json.ts';
import type { Exchange, ExchangeAnswer, OpenSpan, Tracing, Upstream, UpstreamAnswer } from '../../ports.ts';

/** Bytes above which a message is not read for its method: what is that long is the agent's call. */
const MOST_READ = 64 * 1024;

/** The same upstream; each request of a traced call is a span, until its answer has ended. `host`: of its URL. */
export function tracedUpstream(upstream: Upstream, host: string | null, tracing: Tracing): Upstream {
  const marks = {
    'network.transport': upstream.kind === 'http' ? 'tcp' : 'pipe',
    ...(host === null ? {} : { 'server.address': host }),
  };
  return {
    kind: upstream.kind,
    ...(upstream.notRun && { notRun: upstream.notRun }),
    keepGrants: (keeps) => upstream.keepGrants?.(keeps),
    close: () => upstream.close(),
    async exchange(exchange) {
      const span = exchange.method === 'POST' ? tracing.beginUpstream(methodOf(exchange), marks) : null;
      if (span === null) return upstream.exchange(exchange);
      try {
        return spanned(await upstream.exchange(exchange), span);
      } catch (error) {
        span.end({}, 'lost');
        throw error;
      }
    },
  };
}

function methodOf({ body }: Exchange): string | null {
  if (body === null || body.length > MOST_READ) return 'tools/call';
  try {
    const method = member(JSON.parse(new TextDecoder().decode(body)), 'method');
    return typeof method === 'string' ? method : null;
  } catch {
    return null;
  }
}

function spanned(answer: ExchangeAnswer, span: OpenSpan): ExchangeAnswer {
  if (answer.kind !== 'answer') {
    span.end({}, answer.kind);
    return answer;
  }
  const marks = { 'http.response.status_code': answer.status };
  const error = answer.status >= 400 ? String(answer.status) : null;
  if (!(answer.body instanceof ReadableStream)) {
    span.end(marks, error);
    return answer;
  }
  return {
    ...answer,
    body: endingWith(answer.body, (broken) => span.end(marks, broken ? 'lost' : error)),
  } satisfies UpstreamAnswer;
}

/** The same bytes; `ended` is called when there are no more, or nobody wants them. */
function endingWith(body: ReadableStream<Uint8Array>, ended: (broken: boolean) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          ended(false);
          controller.close();
        } catch (error) {
          ended(true);
          controller.error(error);
        }
      },
      cancel(reason) {
        ended(false);
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
