import type { Exchange, ExchangeAnswer, Upstream } from '../../ports.ts';
import type { HttpUpstreamOptions } from './http.ts';
import { codingsOf } from './unpack.ts';

/** What this runtime's `fetch` undoes by itself, and leaves in the header. */
const UNDONE: ReadonlySet<string> = new Set(
  navigator.userAgent === 'Cloudflare-Workers' ? ['gzip', 'br'] : ['gzip', 'x-gzip', 'deflate', 'br', 'zstd'],
);

/**
 * An MCP server over streamable HTTP on Cloudflare Workers, where `undici` does not run. `fetch` cannot tell what was
 * written before it failed, so every failure is `lost`, and an approved call that fails so ends as unknown: the safe
 * side of P2. Redirects are returned like any other answer.
 */
export function fetchUpstream({ url, notRun = [] }: HttpUpstreamOptions): Upstream {
  return {
    kind: 'http',
    notRun: new Set(notRun),
    exchange: (exchange) => send(url, exchange),
    close: async () => undefined,
  };
}

async function send(url: string, { method, headers, body, signal, until }: Exchange): Promise<ExchangeAnswer> {
  const over = new AbortController();
  const forget = until?.onEnd(() => over.abort()) ?? null;
  const signals = [...(signal ? [signal] : []), ...(until ? [over.signal] : [])];
  try {
    const answer = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      ...(body === null ? {} : { body: body as BodyInit }),
      ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
    });
    return { kind: 'answer', status: answer.status, headers: headersOf(answer), body: watched(answer.body, forget) };
  } catch (error) {
    forget?.();
    if (signal?.aborted || over.signal.aborted) return { kind: 'lost', why: 'ABORTED' };
    return { kind: 'lost', why: error instanceof Error ? error.name : 'FAILED' };
  }
}

/** The headers as they describe the body that `fetch` gives out: a coding that it has undone is no longer there. */
function headersOf({ headers }: Response): readonly (readonly [string, string])[] {
  const isUndone = codingsOf(headers.get('content-encoding') ?? '').every((coding) => UNDONE.has(coding));
  return [...headers].filter(([name]) => !isUndone || (name !== 'content-encoding' && name !== 'content-length'));
}

/** The same body, which calls `done` once it has ended, failed or been cancelled. */
function watched(
  body: ReadableStream<Uint8Array> | null,
  done: (() => void) | null,
): ReadableStream<Uint8Array> | null {
  if (body === null || done === null) {
    done?.();
    return body;
  }
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  void body
    .pipeTo(writable)
    .catch(() => undefined)
    .finally(done);
  return readable;
}
