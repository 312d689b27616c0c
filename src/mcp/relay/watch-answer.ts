import type { UpstreamAnswer } from '../../ports.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { mediaTypeOf } from '../protocol/media-type.ts';
import { SseCutter } from '../sse/cutter.ts';

/** What looks at the answer to a request before the agent gets it. */
export interface AnswerWatch {
  /** An event of a stream. False: the agent must not get it. */
  event(event: Uint8Array): Promise<boolean>;
  /** An answer that is one JSON message. Null: nothing is looked for there. */
  readonly whole: ((message: Uint8Array) => Promise<void>) | null;
}

/** What both kinds of question that are looked for contain; an event without any of it is passed on at once. */
const WORDS = ['"method"', 'input_required', '\\u'];

/**
 * The same answer, with its events and its JSON message looked at first. An event, or a message that comes in pieces, of
 * `LARGE_MESSAGE` bytes and more is not: it is passed on as it comes. In a stream, so is everything after an event that has
 * grown so long before its end came.
 */
export function watchAnswer(answer: UpstreamAnswer, watch: AnswerWatch): UpstreamAnswer | Promise<UpstreamAnswer> {
  const { body, headers } = answer;
  if (body === null) return answer;
  const type = mediaTypeOf(headers);
  if (type === 'text/event-stream')
    return body instanceof ReadableStream
      ? { ...answer, body: watchEvents(body, watch) }
      : watchAll(answer, body, watch);
  const { whole } = watch;
  if (whole === null || type !== 'application/json') return answer;
  if (body instanceof ReadableStream) return { ...answer, body: watchWhole(body, whole) };
  return mayAskSomething(body) ? whole(body).then(() => answer) : answer;
}

function mayAskSomething(bytes: Uint8Array): boolean {
  if (bytes.length >= LARGE_MESSAGE) return false;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return WORDS.some((word) => buffer.includes(word));
}

async function passes(event: Uint8Array, watch: AnswerWatch): Promise<boolean> {
  return event.length > 0 && (!mayAskSomething(event) || (await watch.event(event)));
}

async function watchAll(answer: UpstreamAnswer, body: Uint8Array, watch: AnswerWatch): Promise<UpstreamAnswer> {
  const cutter = new SseCutter();
  const kept: Uint8Array[] = [];
  for (const event of [...cutter.push(body), cutter.end()]) if (await passes(event, watch)) kept.push(event);
  return { ...answer, body: Buffer.concat(kept) };
}

function watchEvents(body: ReadableStream<Uint8Array>, watch: AnswerWatch): ReadableStream<Uint8Array> {
  const cutter = new SseCutter();
  const reader = body.getReader();
  let watching = true;
  return new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        for (;;) {
          const { done, value } = await reader.read();
          if (!watching) return done ? out.close() : out.enqueue(value);
          const events = done ? [cutter.end()] : cutter.push(value);
          let passed = 0;
          for (const event of events) {
            if (!(await passes(event, watch))) continue;
            out.enqueue(event);
            passed += 1;
          }
          if (cutter.pendingBytes >= LARGE_MESSAGE) {
            watching = false;
            for (const part of cutter.rest()) out.enqueue(part);
            return;
          }
          if (done) return out.close();
          if (passed > 0) return;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** The last piece is held back until the whole message was looked at; the others pass at once. */
function watchWhole(
  body: ReadableStream<Uint8Array>,
  look: NonNullable<AnswerWatch['whole']>,
): ReadableStream<Uint8Array> {
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
            const whole = pieces === null ? null : Buffer.concat(pieces);
            if (whole !== null && mayAskSomething(whole)) await look(whole);
            if (held !== null) out.enqueue(held);
            return out.close();
          }
          length += value.length;
          if (length >= LARGE_MESSAGE) pieces = null;
          pieces?.push(value);
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
