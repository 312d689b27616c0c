import { withoutMark } from '../../bytes/byte-order-mark.ts';
import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { joinInTurns } from '../../bytes/join.ts';
import type { Exchange, UpstreamAnswer } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { Spell } from '../../time/spell.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { SseCutter } from '../sse/cutter.ts';
import { fieldsOf } from '../sse/fields.ts';
import { largeEventFields } from '../sse/large-event.ts';
import { messageEvent } from '../sse/write.ts';
import { CANCELLED, endingIn, type OutgoingRequest, type SendResult } from './outgoing.ts';
import { readableAnswer } from './readable.ts';
import { type AnswerReading, responseIn } from './response.ts';
import { UnpackError } from './unpack.ts';

/** Failed attempts in a row to resume a stream that ended without the response. */
const MOST_FAILURES = 20;
const DEFAULT_RETRY_MS = 1_000;
const SHORTEST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;
const TOO_LONG = `longer than ${MOST_HELD_BYTES >> 20} MiB`;

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const NOTHING: AnswerReading = { outcome: null, others: [] };

/** How far a stream has been read, for its resumption. */
interface StreamPosition {
  lastId: string | null;
  retryMs: number;
}

/**
 * Reads a stream up to the response. One that ends early is resumed by GET (2025-11-25, Resumability and Redelivery),
 * which does not repeat the request.
 */
export async function readStream(request: OutgoingRequest, first: UpstreamAnswer): Promise<SendResult> {
  const position: StreamPosition = { lastId: null, retryMs: DEFAULT_RETRY_MS };
  let answer: UpstreamAnswer | null = first;
  for (let failures = 0; ; ) {
    const readable = answer === null ? null : readableAnswer(answer);
    if (readable?.kind === 'unreadable') return endingIn({ kind: 'unknown', why: `its answer ${readable.why}` });
    const sent = readable === null ? null : await readEvents(request, readable, position);
    if (sent !== null) return sent;
    if (request.signal?.aborted) return endingIn(CANCELLED);
    if (position.lastId === null) return endingIn({ kind: 'unknown', why: 'its stream ended without an answer' });
    await pause(position.retryMs);
    const next = await request.upstream.exchange(resumptionOf(request, position.lastId));
    // A server may close its stream at any time and be polled (2025-11-25), so only failed attempts are counted.
    failures = next.kind === 'answer' ? 0 : failures + 1;
    if (next.kind === 'answer' && !(next.status < 300 && isEventStream(next.headers))) {
      return endingIn({ kind: 'unknown', why: `its stream could not be resumed (${next.status})` });
    }
    if (next.kind !== 'answer' && failures >= MOST_FAILURES) {
      return endingIn({ kind: 'unknown', why: `its stream broke off (${next.why})` });
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
      // Its stream may begin with a byte order mark, but ours has begun, and there clients would not drop it.
      const event = withoutMark(await joinInTurns(parts));
      const sent = await readEvent(request, event, position);
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
        return endingIn({ kind: 'unknown', why: `its stream has an event ${TOO_LONG}` });
    }
  } catch (error) {
    if (error instanceof UnpackError) return endingIn({ kind: 'unknown', why: `its packed stream: ${error.message}` });
    return null;
  } finally {
    request.signal?.removeEventListener('abort', cancelReading);
    cancelReading();
  }
}

async function readEvent(
  request: OutgoingRequest,
  event: Uint8Array,
  position: StreamPosition,
): Promise<SendResult | null> {
  const isLarge = event.length >= LARGE_MESSAGE;
  const text = isLarge ? '' : UTF8.decode(event);
  const { data, id, retryMs } = isLarge ? await largeEventFields(event) : fieldsOf(text);
  if (id !== null) position.lastId = id;
  if (retryMs !== null) position.retryMs = Math.min(Math.max(retryMs, SHORTEST_RETRY_MS), LONGEST_RETRY_MS);
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  const { outcome: returned, others } = bytes === null ? NOTHING : await responseIn(bytes, request.idText);
  if (returned === null) return null;
  for (const message of others) await request.onEvent(new TextEncoder().encode(messageEvent(UTF8.decode(message))));
  // One of several messages, or one behind a byte order mark, leaves its event, and takes the event's id along.
  const isWhole = returned.response.length === bytes?.length;
  return isLarge || !isWhole ? { outcome: returned, event: null, eventId: id } : { outcome: returned, event: text };
}
