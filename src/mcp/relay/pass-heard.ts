import { SseCutter } from '../sse/cutter.ts';

/** Longest answer, or event of a stream, that is listened to, in bytes: one that is longer proves nothing. */
export const MOST_HEARD_BYTES = 8 * 1024 * 1024;

type Body = ReadableStream<Uint8Array> | Uint8Array;

export interface Listener {
  /** Awaited before the event is passed on. True: nothing more has to be heard. */
  readonly hear: (event: Uint8Array) => Promise<boolean>;
  /** Awaited before pieces of events that are too long to be heard. */
  readonly unheard: () => Promise<void>;
  /** Awaited once where the stream is over while it was listened to: it ended, broke off, or its reader left. */
  readonly over: () => Promise<void>;
}

/** Pieces pass as they come, each after `before`. */
export function passedPieces(
  body: Body,
  before: () => Promise<void>,
  over: () => Promise<void> = async () => {},
): ReadableStream<Uint8Array> {
  const reader = streamOf(body).getReader();
  const read = reading(reader, over);
  return new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        const { done, value } = await read();
        if (done) {
          await over();
          return out.close();
        }
        await before();
        out.enqueue(value);
      },
      cancel: (reason) => Promise.all([reader.cancel(reason), over()]).then(() => {}),
    },
    { highWaterMark: 0 },
  );
}

/** Events pass one by one, each after it was heard; what follows the last that had to be heard, as it comes. */
export function heardEvents(body: ReadableStream<Uint8Array>, listener: Listener): ReadableStream<Uint8Array> {
  const cutter = new SseCutter();
  const reader = body.getReader();
  /** `deaf`: an event is too long, and what follows it may be anything. */
  let state: 'deaf' | 'done' | 'hears' = 'hears';
  const read = reading(reader, async () => (state === 'hears' ? listener.over() : undefined));
  return new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        for (;;) {
          const { done, value } = await read();
          if (state !== 'hears') {
            if (done) return out.close();
            if (state === 'deaf') await listener.unheard();
            return out.enqueue(value);
          }
          const events = done ? [cutter.end()] : cutter.push(value);
          let passed = 0;
          for (const event of events) {
            if (state === 'hears' && event.length > 0 && (await listener.hear(event))) state = 'done';
            if (event.length > 0) out.enqueue(event);
            passed += event.length;
          }
          if (done) {
            if (state === 'hears') await listener.over();
            return out.close();
          }
          if (state === 'hears' && cutter.pendingBytes > MOST_HEARD_BYTES) {
            await listener.over();
            await listener.unheard();
            state = 'deaf';
          }
          if (state !== 'hears') {
            for (const part of cutter.rest()) {
              if (part.length > 0) out.enqueue(part);
              passed += part.length;
            }
          }
          if (passed > 0) return;
        }
      },
      cancel: (reason) =>
        Promise.all([reader.cancel(reason), state === 'hears' ? listener.over() : undefined]).then(() => {}),
    },
    { highWaterMark: 0 },
  );
}

/** Reads on; where the body breaks off, says so first. */
export function reading(reader: ReadableStreamDefaultReader<Uint8Array>, broken: () => Promise<void>) {
  return async () => {
    try {
      return await reader.read();
    } catch (error) {
      await broken();
      throw error;
    }
  };
}

export function streamOf(body: Body): ReadableStream<Uint8Array> {
  return body instanceof Uint8Array ? new Blob([body as Uint8Array<ArrayBuffer>]).stream() : body;
}
