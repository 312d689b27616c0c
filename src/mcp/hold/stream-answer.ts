import { commentEvent, messageEvent, primeEvent } from '../sse/write.ts';
import { type HeldAnswer, MOST_WAITING } from './answer.ts';

const ENCODER = new TextEncoder();
/**
 * The SSE answer of a held call. It stays open without a timer of its own; whoever beats (keep-alive.ts) finds it by
 * its set. `send` resolves when the reader has taken what was sent, so that "collected" means more than "queued".
 *
 * Race that is accepted: what the socket has taken can still be lost on its way to the agent. Then the agent repeats
 * the call and, its caller counted as served, asks anew: a second question, never a second run.
 */
export class HeldStream implements HeldAnswer {
  readonly body: ReadableStream<Uint8Array>;
  /** Aborted when the agent's connection closes. */
  readonly left: AbortSignal;
  readonly #left = new AbortController();
  #control: ReadableStreamDefaultController<Uint8Array> | null = null;
  #taken: ((taken: boolean) => void) | null = null;
  #room: (() => void) | null = null;

  constructor() {
    this.left = this.#left.signal;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (control) => {
          this.#control = control;
        },
        pull: () => this.#settle(true),
        cancel: () => this.#gone(),
      },
      // Nothing is pulled ahead: a pull means that all before it was taken.
      { highWaterMark: 0, size: (chunk) => chunk.byteLength },
    );
  }

  get stalled(): boolean {
    return (this.#control?.desiredSize ?? 0) < 0;
  }

  prime(eventId: string): void {
    this.#put(ENCODER.encode(primeEvent(eventId)));
  }

  comment(text: string): void {
    this.#put(ENCODER.encode(commentEvent(text)));
  }

  message(json: string): void {
    this.#put(ENCODER.encode(messageEvent(json)));
  }

  /** Bytes of an upstream's stream, as they came. */
  raw(bytes: Uint8Array): Promise<void> | undefined {
    this.#put(bytes);
    if ((this.#control?.desiredSize ?? 0) >= -MOST_WAITING) return undefined;
    return new Promise((resolve) => {
      this.#room = resolve;
    });
  }

  /** Whether the reader took everything sent so far; false when it went away. */
  taken(): Promise<boolean> {
    if (this.#control === null) return Promise.resolve(false);
    if ((this.#control.desiredSize ?? 0) >= 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#taken = resolve;
    });
  }

  close(): void {
    this.#control?.close();
    this.#control = null;
    this.#settle(false);
  }

  /** The call is no longer wanted: nothing more is written. */
  abandon(): void {
    this.#control?.close();
    this.#gone();
  }

  #put(bytes: Uint8Array): void {
    this.#control?.enqueue(bytes);
  }

  #gone(): void {
    this.#control = null;
    this.#settle(false);
    this.#left.abort();
  }

  #settle(taken: boolean): void {
    if (this.#control === null || (this.#control.desiredSize ?? 0) >= 0) {
      this.#room?.();
      this.#room = null;
    }
    const settle = this.#taken;
    if (settle === null) return;
    if (taken && (this.#control?.desiredSize ?? 0) < 0) return;
    this.#taken = null;
    settle(taken);
  }
}
