import { concatBytes } from '../../bytes/join.ts';
import type { ExchangeAnswer } from '../../ports.ts';
import { placesIn } from '../json/find.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { mediaTypeOf } from '../protocol/media-type.ts';
import { SseCutter } from '../sse/cutter.ts';
import { largeEventFields } from '../sse/large-event.ts';
import { responseIn } from '../upstream/response.ts';

/** Longest answer, or event of a stream, that is listened to, in bytes: one that is longer proves nothing. */
const MOST_HEARD_BYTES = 8 * 1024 * 1024;

/** Called once with the response, before the agent has all of it. */
type Ended = (succeeded: boolean) => Promise<void>;

/**
 * The same answer, byte for byte. Before the response to the request is passed on, `ended` is told whether it is a result
 * that proves success: no error, no `isError`, no question back and no task that still runs. An answer that breaks off, that
 * is packed, or that is longer than 8 MiB, proves nothing.
 */
export async function hearEnd(answer: ExchangeAnswer, idText: string, ended: Ended): Promise<ExchangeAnswer> {
  if (answer.kind !== 'answer') return answer;
  const { body, headers, status } = answer;
  const type = mediaTypeOf(headers);
  const isHeard = status >= 200 && status < 300 && headerOf(headers, 'content-encoding') === null;
  if (body === null || !isHeard) {
    await ended(false);
    return answer;
  }
  const hear = async (message: Uint8Array): Promise<boolean> => {
    const { outcome } = await responseIn(message, idText);
    if (outcome === null) return false;
    await ended(!outcome.failed && (await provesSuccess(outcome.response)));
    return true;
  };
  if (type === 'text/event-stream') return { ...answer, body: heardEvents(streamOf(body), hear) };
  if (type === 'application/json') return { ...answer, body: await heardWhole(body, hear) };
  return answer;
}

const ASKED = [['result'], ['result', 'resultType'], ['result', 'task']] as const;

/** Whether a result is the end of its call: not a question (2026-07-28), nor a task (2025-11-25). */
async function provesSuccess(response: Uint8Array): Promise<boolean> {
  const places = await placesIn(response, ASKED);
  if (places === null || !places.has('result') || places.has('result task')) return false;
  const type = places.get('result resultType');
  return type === undefined || new TextDecoder().decode(response.subarray(type.start, type.end)) === '"complete"';
}

type Hear = (message: Uint8Array) => Promise<boolean>;

/** The last piece is held back until the whole was heard; the others pass at once. */
async function heardWhole(
  body: ReadableStream<Uint8Array> | Uint8Array,
  hear: Hear,
): Promise<ReadableStream<Uint8Array> | Uint8Array> {
  if (body instanceof Uint8Array) {
    if (body.length <= MOST_HEARD_BYTES) await hear(body).catch(() => false);
    return body;
  }
  const reader = body.getReader();
  let pieces: Uint8Array[] | null = [];
  let length = 0;
  let held: Uint8Array | null = null;
  return new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) {
            if (pieces !== null) await hear(concatBytes(pieces, length)).catch(() => false);
            if (held !== null) out.enqueue(held);
            return out.close();
          }
          length += value.length;
          if (length > MOST_HEARD_BYTES) pieces = null;
          pieces?.push(value.slice());
          const ready: Uint8Array | null = held;
          held = value;
          if (ready !== null) return out.enqueue(ready);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** Events pass one by one; that with the response after it was heard, and what follows as it comes. */
function heardEvents(body: ReadableStream<Uint8Array>, hear: Hear): ReadableStream<Uint8Array> {
  const cutter = new SseCutter();
  const reader = body.getReader();
  let listening = true;
  return new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        for (;;) {
          const { done, value } = await reader.read();
          if (!listening) return done ? out.close() : out.enqueue(value);
          const events = done ? [cutter.end()] : cutter.push(value);
          let passed = 0;
          for (const event of events) {
            if (listening && (await hears(event, hear))) listening = false;
            if (event.length > 0) out.enqueue(event);
            passed += event.length;
          }
          if (done) return out.close();
          if (listening && cutter.pendingBytes > MOST_HEARD_BYTES) listening = false;
          if (!listening) {
            for (const part of cutter.rest()) {
              if (part.length > 0) out.enqueue(part);
              passed += part.length;
            }
          }
          if (passed > 0) return;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

async function hears(event: Uint8Array, hear: Hear): Promise<boolean> {
  if (event.length === 0) return false;
  const { data } = await largeEventFields(event);
  return data !== null && data.length > 0 && (await hear(data).catch(() => false));
}

function streamOf(body: ReadableStream<Uint8Array> | Uint8Array): ReadableStream<Uint8Array> {
  return body instanceof Uint8Array ? new Blob([body as Uint8Array<ArrayBuffer>]).stream() : body;
}
