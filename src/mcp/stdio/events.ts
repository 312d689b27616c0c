import { LARGE_MESSAGE } from '../json/large.ts';

const BREAK = new TextEncoder().encode('\n\n');
const FIELDS = new TextEncoder().encode('event: message\ndata: ');
const CR = 0x0d;
const SPACE = 0x20;
/** Bytes that may wait for a slow reader before the child is paused. */
const MAX_UNREAD = 1024 * 1024;
/** Bytes of a large line that are read at once. */
const PIECE = 64 * 1024;

/** The headers of an event stream in the answer of a stdio server. */
export const UPSTREAM_SSE_HEADERS = [
  ['content-type', 'text/event-stream'],
  ['cache-control', 'no-cache, no-transform'],
] as const;

/** How a stream informs its session. */
export interface StreamCallbacks {
  /** The reader is slow, so the child has to be paused. */
  onFull(stream: EventStream): void;
  /** There is room again, or the stream has ended. */
  onRoom(stream: EventStream): void;
  /** The reader has gone. */
  onReaderGone(stream: EventStream): void;
}

/** An SSE answer: each line of the child becomes one `message` event with the line's bytes. */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #callbacks: StreamCallbacks;
  #control: ReadableStreamDefaultController<Uint8Array> | null = null;

  constructor(callbacks: StreamCallbacks) {
    this.#callbacks = callbacks;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (control) => {
          this.#control = control;
        },
        pull: () => callbacks.onRoom(this),
        cancel: () => {
          this.#detach();
          callbacks.onReaderGone(this);
        },
      },
      { highWaterMark: MAX_UNREAD, size: (chunk) => chunk.byteLength },
    );
  }

  send(line: Uint8Array): void {
    if (this.#control === null) return;
    if (line.length < LARGE_MESSAGE) this.#control.enqueue(asEvent(line));
    else for (const part of partsOfEvent(line)) this.#control.enqueue(part);
    if ((this.#control.desiredSize ?? 0) <= 0) this.#callbacks.onFull(this);
  }

  /** Ends the stream after what was sent has been delivered. */
  end(): void {
    this.#detach()?.close();
  }

  /** Breaks the stream off, so that the reader learns that the rest is missing. */
  fail(why: string): void {
    this.#detach()?.error(new Error(why));
  }

  #detach(): ReadableStreamDefaultController<Uint8Array> | null {
    const control = this.#control;
    this.#control = null;
    this.#callbacks.onRoom(this);
    return control;
  }
}

/** A raw carriage return would end the `data` field. In JSON it can only be whitespace, so it becomes a space. */
function asEvent(line: Uint8Array): Uint8Array {
  const event = new Uint8Array(FIELDS.length + line.length + BREAK.length);
  event.set(FIELDS);
  event.set(line, FIELDS.length);
  event.set(BREAK, FIELDS.length + line.length);
  return withoutReturns(event);
}

/** A large event in pieces that are not copied: some who pass it on look at each, and let others have a turn between. */
function* partsOfEvent(line: Uint8Array): Generator<Uint8Array> {
  const bytes = withoutReturns(line);
  yield FIELDS.slice();
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
  yield BREAK.slice();
}

function withoutReturns(bytes: Uint8Array): Uint8Array {
  // A Buffer looks for a byte many times as fast as an array does.
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = buffer.indexOf(CR); at !== -1; at = buffer.indexOf(CR, at)) bytes[at] = SPACE;
  return bytes;
}

/**
 * Calls `onLeave` once the signal is aborted, at once if it already is; returns a function that stops waiting for it.
 */
export function onAbort(signal: AbortSignal | undefined, onLeave: () => void): () => void {
  if (signal?.aborted) onLeave();
  signal?.addEventListener('abort', onLeave, { once: true });
  return () => signal?.removeEventListener('abort', onLeave);
}
