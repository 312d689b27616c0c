import type { Exchange, ExchangeAnswer, Upstream } from '../../ports.ts';

/**
 * An MCP server over streamable HTTP on Cloudflare Workers, where `undici` does not run. `fetch` cannot tell what was
 * written before it failed, so every failure is `lost`, and an approved call that fails so ends as unknown: the safe
 * side of P2. Redirects are returned like any other answer.
 */
export function fetchUpstream({ url }: { readonly url: string }): Upstream {
  return {
    kind: 'http',
    exchange: (exchange) => send(url, exchange),
    close: async () => undefined,
  };
}

async function send(url: string, { method, headers, body, signal }: Exchange): Promise<ExchangeAnswer> {
  try {
    const answer = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      ...(body === null ? {} : { body: body as BodyInit }),
      ...(signal ? { signal } : {}),
    });
    return { kind: 'answer', status: answer.status, headers: [...answer.headers], body: answer.body };
  } catch (error) {
    if (signal?.aborted) return { kind: 'lost', why: 'ABORTED' };
    return { kind: 'lost', why: error instanceof Error ? error.name : 'FAILED' };
  }
}
