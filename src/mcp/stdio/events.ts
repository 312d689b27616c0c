const BREAK = new TextEncoder().encode('\n\n');
const FIELDS = new TextEncoder().encode('event: message\ndata: ');
const CR = 0x0d;
const SPACE = 0x20;
/** How much may wait for a slow reader before the child is held back, in bytes. */
const ROOM = 1024 * 1024;

export const STREAM_HEADERS = [
  ['content-type', 'text/event-stream'],
  ['cache-control', 'no-cache, no-transform'],
] as const;

/** What a stream tells the session that it belongs to. */
export interface StreamEars {
  /** The reader is slow: let the child wait. */
  full(stream: EventStream): void;
  /** There is room again, or the stream is over. */
  room(stream: EventStream): void;
  /** The reader went away. */
  left(stream: EventStream): void;
}

/** One SSE answer: each line of the child is one `message` event with the line's own bytes. */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #ears: StreamEars;
  #control: ReadableStreamDefaultController<Uint8Array> | null = null;

  constructor(ears: StreamEars) {
    this.#ears = ears;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (control) => {
          this.#control = control;
        },
        pull: () => ears.room(this),
        cancel: () => {
          this.#over();
          ears.left(this);
        },
      },
      { highWaterMark: ROOM, size: (chunk) => chunk.byteLength },
    );
  }

  send(line: Uint8Array): void {
    if (this.#control === null) return;
    this.#control.enqueue(asEvent(line));
    if ((this.#control.desiredSize ?? 0) <= 0) this.#ears.full(this);
  }

  /** What was sent still arrives, then the stream ends. */
  end(): void {
    this.#over()?.close();
  }

  /** The reader learns that the rest will not come. */
  fail(why: string): void {
    this.#over()?.error(new Error(why));
  }

  #over(): ReadableStreamDefaultController<Uint8Array> | null {
    const control = this.#control;
    this.#control = null;
    this.#ears.room(this);
    return control;
  }
}

/** A raw carriage return would end the `data` field; in JSON it can only stand between tokens. */
function asEvent(line: Uint8Array): Uint8Array {
  const event = new Uint8Array(FIELDS.length + line.length + BREAK.length);
  event.set(FIELDS);
  event.set(line, FIELDS.length);
  event.set(BREAK, FIELDS.length + line.length);
  for (let at = event.indexOf(CR); at !== -1; at = event.indexOf(CR, at)) event[at] = SPACE;
  return event;
}

/** Runs `leave` when the caller goes away; returns how to stop waiting for that. */
export function onAbort(signal: AbortSignal | undefined, leave: () => void): () => void {
  if (signal?.aborted) leave();
  signal?.addEventListener('abort', leave, { once: true });
  return () => signal?.removeEventListener('abort', leave);
}
