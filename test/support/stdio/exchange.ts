import assert from 'node:assert/strict';
import type { Exchange, ExchangeAnswer, Upstream } from '../../../src/ports.ts';

const BOTH = 'application/json, text/event-stream';
export type Answered = Extract<ExchangeAnswer, { kind: 'answer' }>;

export function exchange(
  upstream: Upstream,
  what: Partial<Exchange> & { text?: string; session?: string },
): Promise<ExchangeAnswer> {
  const { text, session, headers, ...rest } = what;
  const named: Record<string, string> = session === undefined ? {} : { 'mcp-session-id': session };
  return upstream.exchange({
    method: 'POST',
    headers: { accept: BOTH, 'content-type': 'application/json', ...named, ...headers },
    body: text === undefined ? null : Buffer.from(text),
    grant: 'bot',
    ...rest,
  });
}

export async function answered(upstream: Upstream, what: Parameters<typeof exchange>[1]): Promise<Answered> {
  const answer = await exchange(upstream, what);
  assert.equal(answer.kind, 'answer', JSON.stringify(answer));
  return answer as Answered;
}

export function header(answer: Answered, name: string): string | undefined {
  return answer.headers.find(([each]) => each === name)?.[1];
}

export async function bytesOf(answer: Answered): Promise<Buffer> {
  return Buffer.from(await new Response(answer.body as BodyInit | null).arrayBuffer());
}

export async function jsonOf(answer: Answered) {
  return JSON.parse((await bytesOf(answer)).toString());
}

export const initialize = (id: number | string = 0) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '0' } },
  });

/** A request that makes the child say these bytes. */
export function say(id: number, bytes: string | Buffer, more: object = {}): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'say',
    params: { bytes: Buffer.from(bytes).toString('base64'), ...more },
  });
}

export async function begin(upstream: Upstream, grant = 'bot'): Promise<{ session: string; pid: number }> {
  const answer = await answered(upstream, { text: initialize(), grant, headers: { accept: 'application/json' } });
  assert.equal(answer.status, 200);
  return { session: header(answer, 'mcp-session-id')!, pid: (await jsonOf(answer)).result.pid };
}

/** An answer's event stream, read event by event: the data of each, null at the end. */
export function eventsOf(answer: Answered) {
  assert.equal(header(answer, 'content-type'), 'text/event-stream');
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  let rest = Buffer.alloc(0);
  return {
    async next(): Promise<string | null> {
      for (;;) {
        const end = rest.indexOf('\n\n');
        if (end !== -1) {
          const event = rest.subarray(0, end).toString();
          rest = rest.subarray(end + 2);
          assert.ok(event.startsWith('event: message\ndata: '), event);
          return event.slice('event: message\ndata: '.length);
        }
        const { done, value } = await reader.read();
        if (done) return null;
        rest = Buffer.concat([rest, value]);
      }
    },
    leave: () => reader.cancel(),
  };
}
