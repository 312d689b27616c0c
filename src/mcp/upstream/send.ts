import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { joinInTurns } from '../../bytes/join.ts';
import { readBounded } from '../../bytes/read.ts';
import type { Outcome } from '../../domain/approval/dispatch.ts';
import type { Exchange, Upstream, UpstreamAnswer } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { Spell } from '../../time/spell.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { SseCutter } from '../sse/cutter.ts';
import { fieldsOf } from '../sse/fields.ts';
import { largeEventFields } from '../sse/large-event.ts';
import { responseIn } from './response.ts';

/** A request on its way to the upstream: a dispatched call, or a request of the gateway's own. */
export interface OutgoingRequest {
  readonly upstream: Upstream;
  readonly grant: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  /** The request's id as JSON text, which identifies its response. */
  readonly idText: string;
  /**
   * Called for each event that comes before the response: progress, or a server-to-client request. A returned promise
   * delays the next event until it resolves.
   */
  readonly onEvent: (event: Uint8Array) => Promise<void> | undefined | void;
  /** What the server asks meanwhile comes on this stream, where the upstream can choose. */
  readonly carriesRequests?: boolean;
  /** Aborted when the agent cancels the call while it runs (2026-07-28, or a cancelled task). */
  readonly signal?: AbortSignal;
}

/** How a request ended. */
export interface SendResult {
  readonly outcome: Outcome;
  /** The SSE event that carried the response, so that its event id is kept; null where there was none, or a large one. */
  readonly event: string | null;
  /** The id of a large event that carried the response. */
  readonly eventId?: string | null;
  /** Nothing was sent, because the server no longer knows the session. */
  readonly sessionLost?: boolean;
}

/** Failed attempts in a row to resume a stream that ended without the response. */
const MOST_FAILURES = 20;
const DEFAULT_RETRY_MS = 1_000;
const SHORTEST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;
const TOO_LONG = `longer than ${MOST_HELD_BYTES >> 20} MiB`;

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Sends a request, such as an approved call, once and waits for its response without a time limit. Nothing is ever sent
 * again: a stream that ends early is resumed by GET (2025-11-25, Resumability and Redelivery), which does not repeat
 * the call.
 *
 * | what happened | outcome |
 * |---|---|
 * | refused, DNS or TLS failure before any write; 404 for its session | not sent: the pass is given back |
 * | the response came | returned |
 * | another 4xx | returned, failed: the upstream refused it |
 * | 5xx, a reset, a stream that ends without the response | unknown |
 */
export async function sendOnce(request: OutgoingRequest): Promise<SendResult> {
  const { upstream, headers, bytes, grant, signal } = request;
  // What follows the response is read to its end: a legacy server may take a closed connection for a cancellation.
  const onLeave = signal === undefined ? ({ whenAbandoned: 'drain' } as const) : { signal };
  const carries = request.carriesRequests === true ? { carriesRequests: true } : {};
  const answer = await upstream.exchange({ method: 'POST', headers, body: bytes, grant, ...carries, ...onLeave });
  if (signal?.aborted && answer.kind !== 'answer') return ended(answer.kind === 'not_sent' ? answer : CANCELLED);
  if (answer.kind === 'not_sent') return ended({ kind: 'not_sent', why: answer.why });
  if (answer.kind === 'lost') return ended({ kind: 'unknown', why: `its answer was lost (${answer.why})` });
  if (answer.status === 404 && headers['mcp-session-id'] !== undefined) {
    const why = 'the server no longer knows the session; start a new one';
    return { ...ended({ kind: 'not_sent', why }), sessionLost: true };
  }
  if (answer.status >= 500 || answer.status < 200) {
    return ended({ kind: 'unknown', why: `the server answered ${answer.status}` });
  }
  if (isStream(answer)) return readStream(request, answer);
  return ended(await readSingleResponse(request, answer));
}

const CANCELLED: Outcome = { kind: 'unknown', why: 'the agent took it back while it ran' };

function ended(outcome: Outcome): SendResult {
  return { outcome, event: null };
}

function isStream(answer: UpstreamAnswer): boolean {
  return answer.status < 300 && (headerOf(answer.headers, 'content-type') ?? '').startsWith('text/event-stream');
}

async function readSingleResponse(request: OutgoingRequest, answer: UpstreamAnswer): Promise<Outcome> {
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(answer.body, request.signal);
  } catch (error) {
    if (request.signal?.aborted) return CANCELLED;
    return { kind: 'unknown', why: `its answer broke off (${messageOf(error)})` };
  }
  const returned = await responseIn(bytes, request.idText);
  if (returned !== null) return returned;
  if (answer.status < 300) return { kind: 'unknown', why: 'the server answered without a response' };
  return refusalResponse(request.idText, answer.status);
}

/** A JSON-RPC error response for an HTTP refusal that contains none. */
function refusalResponse(idText: string, status: number): Outcome {
  const error = { code: status, message: `The server refused the call with HTTP ${status}.` };
  const text = `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify(error)}}`;
  return { kind: 'returned', response: new TextEncoder().encode(text), failed: true };
}

/**
 * Reads an answer's whole body. Rejects when it breaks off, when it is longer than `MOST_HELD_BYTES`, or when the
 * signal is aborted.
 */
export async function readWhole(body: UpstreamAnswer['body'], signal?: AbortSignal): Promise<Uint8Array> {
  if (body === null) return new Uint8Array(0);
  if (body instanceof Uint8Array) return body;
  const bounded = signal === undefined ? body : body.pipeThrough(new TransformStream<Uint8Array>(), { signal });
  const bytes = await readBounded(bounded, MOST_HELD_BYTES);
  if (bytes === null) throw new Error(TOO_LONG);
  return bytes;
}

/** How far a stream has been read, for its resumption. */
interface StreamPosition {
  lastId: string | null;
  retryMs: number;
}

async function readStream(request: OutgoingRequest, first: UpstreamAnswer): Promise<SendResult> {
  const position: StreamPosition = { lastId: null, retryMs: DEFAULT_RETRY_MS };
  let answer: UpstreamAnswer | null = first;
  for (let failures = 0; ; ) {
    const sent = answer === null ? null : await readEvents(request, answer, position);
    if (sent !== null) return sent;
    if (request.signal?.aborted) return ended(CANCELLED);
    if (position.lastId === null) return ended({ kind: 'unknown', why: 'its stream ended without an answer' });
    await pause(position.retryMs);
    const next = await request.upstream.exchange(resumptionOf(request, position.lastId));
    // A server may close its stream at any time and be polled (2025-11-25), so only failed attempts are counted.
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

function resumptionOf(request: OutgoingRequest, lastId: string): Exchange {
  const { 'content-type': _, ...headers } = request.headers;
  return {
    method: 'GET',
    headers: { ...headers, accept: 'text/event-stream', 'last-event-id': lastId },
    body: null,
    grant: request.grant,
  };
}

/** Null: the stream ended or broke off before the response. */
async function readEvents(
  request: OutgoingRequest,
  answer: UpstreamAnswer,
  position: StreamPosition,
): Promise<SendResult | null> {
  const cutter = new SseCutter();
  const spell = new Spell();
  const readAll = async (events: readonly (readonly Uint8Array[])[]): Promise<SendResult | null> => {
    for (const parts of events) {
      const event = await joinInTurns(parts);
      const sent = await readEvent(event, request.idText, position);
      if (sent) return sent;
      await request.onEvent(event);
      await spell.rest();
    }
    await spell.rest();
    return null;
  };
  if (answer.body instanceof Uint8Array) return readAll(cutter.cut(answer.body));
  if (answer.body === null) return null;
  const reader = answer.body.getReader();
  const cancelReading = (): void => void reader.cancel().catch(() => {});
  request.signal?.addEventListener('abort', cancelReading, { once: true });
  if (request.signal?.aborted) cancelReading();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const sent = done ? null : await readAll(cutter.cut(value));
      if (sent || done) return sent;
      if (cutter.pendingBytes > MOST_HELD_BYTES)
        return ended({ kind: 'unknown', why: `its stream has an event ${TOO_LONG}` });
    }
  } catch {
    return null;
  } finally {
    request.signal?.removeEventListener('abort', cancelReading);
    cancelReading();
  }
}

async function readEvent(event: Uint8Array, idText: string, position: StreamPosition): Promise<SendResult | null> {
  const isLarge = event.length >= LARGE_MESSAGE;
  const text = isLarge ? '' : UTF8.decode(event);
  const { data, id, retryMs } = isLarge ? await largeEventFields(event) : fieldsOf(text);
  if (id !== null) position.lastId = id;
  if (retryMs !== null) position.retryMs = Math.min(Math.max(retryMs, SHORTEST_RETRY_MS), LONGEST_RETRY_MS);
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  const returned = bytes === null ? null : await responseIn(bytes, idText);
  if (returned === null) return null;
  return isLarge ? { outcome: returned, event: null, eventId: id } : { outcome: returned, event: text };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}
