import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { readBounded } from '../../bytes/read.ts';
import type { Outcome } from '../../domain/approval/dispatch.ts';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import type { Exchange, Upstream, UpstreamAnswer } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { SseCutter } from '../sse/cutter.ts';
import { fieldsOf } from '../sse/fields.ts';

/** A dispatched call on its way to the upstream. */
export interface Sending {
  readonly upstream: Upstream;
  readonly grant: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  /** The request's id as JSON text; which message is its answer. */
  readonly idText: string;
  /** Events that come before the answer: progress, server-to-client requests. A promise: the next one is to wait. */
  readonly meanwhile: (event: Uint8Array) => Promise<void> | undefined | void;
  /** The agent takes the call back while it runs (2026-07-28, or a cancelled task). */
  readonly signal?: AbortSignal;
}

/** How it ended, with the SSE event that carried the answer, so that its event id is kept. */
export interface SendResult {
  readonly outcome: Outcome;
  readonly event: string | null;
  /** Nothing was sent because the server no longer knows the session. */
  readonly sessionLost?: boolean;
}

/** Times in a row that a stream which ended without the answer is asked for the rest in vain. */
const MOST_FAILURES = 20;
const DEFAULT_RETRY_MS = 1_000;
const SHORTEST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;
const TOO_LONG = `longer than ${MOST_HELD_BYTES >> 20} MiB`;

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Sends an approved call once and waits for its answer, however long that takes. Nothing is ever sent again: a stream
 * that ends early is resumed by GET (2025-11-25, Resumability and Redelivery), which repeats no call.
 *
 * | what came | outcome |
 * |---|---|
 * | refused, DNS, TLS before any write; 404 for its session | not sent: the pass is given back |
 * | the response | returned |
 * | another 4xx | returned, failed: the upstream refused it |
 * | 5xx, a reset, a stream that ends without the response | unknown |
 */
export async function sendHeld(sending: Sending): Promise<SendResult> {
  const { upstream, headers, bytes, grant, signal } = sending;
  // What comes after the answer is read to its end: a connection cut off may look like a wish to a legacy server.
  const leaving = signal === undefined ? ({ whenAbandoned: 'drain' } as const) : { signal };
  const answer = await upstream.exchange({ method: 'POST', headers, body: bytes, grant, ...leaving });
  if (signal?.aborted && answer.kind !== 'answer') return ended(answer.kind === 'not_sent' ? answer : TAKEN_BACK);
  if (answer.kind === 'not_sent') return ended({ kind: 'not_sent', why: answer.why });
  if (answer.kind === 'lost') return ended({ kind: 'unknown', why: `its answer was lost (${answer.why})` });
  if (answer.status === 404 && headers['mcp-session-id'] !== undefined) {
    const why = 'the server no longer knows the session; start a new one';
    return { ...ended({ kind: 'not_sent', why }), sessionLost: true };
  }
  if (answer.status >= 500 || answer.status < 200) {
    return ended({ kind: 'unknown', why: `the server answered ${answer.status}` });
  }
  if (isStream(answer)) return readStream(sending, answer);
  return ended(await readWhole(sending, answer));
}

const TAKEN_BACK: Outcome = { kind: 'unknown', why: 'the agent took it back while it ran' };

function ended(outcome: Outcome): SendResult {
  return { outcome, event: null };
}

function isStream(answer: UpstreamAnswer): boolean {
  return answer.status < 300 && (headerOf(answer.headers, 'content-type') ?? '').startsWith('text/event-stream');
}

async function readWhole(sending: Sending, answer: UpstreamAnswer): Promise<Outcome> {
  let text: string;
  try {
    text = UTF8.decode(await whole(answer.body, sending.signal));
  } catch (error) {
    if (sending.signal?.aborted) return TAKEN_BACK;
    return { kind: 'unknown', why: `its answer broke off (${wordOf(error)})` };
  }
  const returned = responseIn(text, sending.idText);
  if (returned !== null) return returned;
  if (answer.status < 300) return { kind: 'unknown', why: 'the server answered without a response' };
  return refused(sending.idText, answer.status);
}

/** A refusal that is no JSON-RPC response to this call, made one. */
function refused(idText: string, status: number): Outcome {
  const error = { code: status, message: `The server refused the call with HTTP ${status}.` };
  const text = `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify(error)}}`;
  return { kind: 'returned', response: new TextEncoder().encode(text), failed: true };
}

/** The whole of an answer's body. Rejects when it breaks off, when it is longer than `MOST_HELD`, or when the signal says that it was waited for enough. */
export async function whole(body: UpstreamAnswer['body'], signal?: AbortSignal): Promise<Uint8Array> {
  if (body === null) return new Uint8Array(0);
  if (body instanceof Uint8Array) return body;
  const bounded = signal === undefined ? body : body.pipeThrough(new TransformStream<Uint8Array>(), { signal });
  const bytes = await readBounded(bounded, MOST_HELD_BYTES);
  if (bytes === null) throw new Error(TOO_LONG);
  return bytes;
}

interface Position {
  lastId: string | null;
  retryMs: number;
}

async function readStream(sending: Sending, first: UpstreamAnswer): Promise<SendResult> {
  const at: Position = { lastId: null, retryMs: DEFAULT_RETRY_MS };
  let answer: UpstreamAnswer | null = first;
  for (let failures = 0; ; ) {
    const sent = answer === null ? null : await readEvents(sending, answer, at);
    if (sent !== null) return sent;
    if (sending.signal?.aborted) return ended(TAKEN_BACK);
    if (at.lastId === null) return ended({ kind: 'unknown', why: 'its stream ended without an answer' });
    await pause(at.retryMs);
    const next = await sending.upstream.exchange(resumptionOf(sending, at.lastId));
    // A server may close its stream as often as it likes and be polled (2025-11-25); only silence is counted.
    failures = next.kind === 'answer' ? 0 : failures + 1;
    if (next.kind === 'answer' && !isStream(next)) {
      return ended({ kind: 'unknown', why: `its stream could not be resumed (${next.status})` });
    }
    if (next.kind !== 'answer' && failures >= MOST_FAILURES) {
      return ended({ kind: 'unknown', why: `its stream broke off (${next.why})` });
    }
    answer = next.kind === 'answer' ? next : null;
  }
}

function resumptionOf(sending: Sending, lastId: string): Exchange {
  const { 'content-type': _, ...headers } = sending.headers;
  return {
    method: 'GET',
    headers: { ...headers, accept: 'text/event-stream', 'last-event-id': lastId },
    body: null,
    grant: sending.grant,
  };
}

/** null: the stream ended, or broke, before the answer. */
async function readEvents(sending: Sending, answer: UpstreamAnswer, at: Position): Promise<SendResult | null> {
  const cutter = new SseCutter();
  const take = async (events: Uint8Array[]): Promise<SendResult | null> => {
    for (const event of events) {
      const sent = takeEvent(event, sending.idText, at);
      if (sent) return sent;
      await sending.meanwhile(event);
    }
    return null;
  };
  if (answer.body instanceof Uint8Array) return take(cutter.push(answer.body));
  if (answer.body === null) return null;
  const reader = answer.body.getReader();
  const leave = (): void => void reader.cancel().catch(() => {});
  sending.signal?.addEventListener('abort', leave, { once: true });
  if (sending.signal?.aborted) leave();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const sent = done ? null : await take(cutter.push(value));
      if (sent || done) return sent;
      if (cutter.waiting > MOST_HELD_BYTES)
        return ended({ kind: 'unknown', why: `its stream has an event ${TOO_LONG}` });
    }
  } catch {
    return null;
  } finally {
    sending.signal?.removeEventListener('abort', leave);
    leave();
  }
}

function takeEvent(event: Uint8Array, idText: string, at: Position): SendResult | null {
  const text = UTF8.decode(event);
  const { data, id, retryMs } = fieldsOf(text);
  if (id !== null) at.lastId = id;
  if (retryMs !== null) at.retryMs = Math.min(Math.max(retryMs, SHORTEST_RETRY_MS), LONGEST_RETRY_MS);
  const returned = data === null ? null : responseIn(data, idText);
  return returned === null ? null : { outcome: returned, event: text };
}

/** The outcome if this text is the JSON-RPC response to our request. */
function responseIn(text: string, idText: string): Outcome | null {
  let message: Json;
  try {
    message = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  if (!isObject(message) || member(message, 'method') !== undefined) return null;
  if (member(message, 'id') !== JSON.parse(idText)) return null;
  const result = member(message, 'result');
  if (result === undefined && member(message, 'error') === undefined) return null;
  const failed = result === undefined || member(result, 'isError') === true;
  return { kind: 'returned', response: new TextEncoder().encode(text), failed };
}

function wordOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}
