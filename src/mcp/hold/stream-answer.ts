import { commentEvent, messageEvent, primeEvent } from '../sse/write.ts';
import { type HeldAnswer, MAX_UNREAD_BYTES, sendPieces } from './answer.ts';

const ENCODER = new TextEncoder();

/**
 * The SSE answer of a held call as a web stream, where it cannot be written to node:http directly. `taken` waits until
 * the reader has taken everything, so that "collected" means more than "queued".
 *
 * Race that is accepted: what the socket has taken can still be lost on its way to the agent. The agent then repeats
 * the call and, since its caller counts as served, opens a new approval: a second question, never a second run.
 */
export class HeldStream implements HeldAnswer {
  readonly body: ReadableStream<Uint8Array>;
  readonly readerGone: AbortSignal;
  readonly #goneController = new AbortController();
  #control: ReadableStreamDefaultController<Uint8Array> | null = null;
  #resolveTaken: ((taken: boolean) => void) | null = null;
  #resolveRoom: (() => void) | null = null;

  constructor() {
    this.readerGone = this.#goneController.signal;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (control) => {
          this.#control = control;
        },
        pull: () => this.#settle(true),
        cancel: () => this.#onReaderGone(),
      },
      // Without a buffer, a pull means that everything enqueued before was taken.
      { highWaterMark: 0, size: (chunk) => chunk.byteLength },
    );
  }

  get stalled(): boolean {
    return (this.#control?.desiredSize ?? 0) < 0;
  }

  prime(eventId: string): void {
    this.#enqueue(ENCODER.encode(primeEvent(eventId)));
  }

  comment(text: string): void {
    this.#enqueue(ENCODER.encode(commentEvent(text)));
  }

  message(json: string): void {
    this.#enqueue(ENCODER.encode(messageEvent(json)));
  }

  raw(bytes: Uint8Array): Promise<void> | undefined {
    this.#enqueue(bytes);
    if ((this.#control?.desiredSize ?? 0) >= -MAX_UNREAD_BYTES) return undefined;
    return new Promise((resolve) => {
      this.#resolveRoom = resolve;
    });
  }

  large(eventId: string | null, pieces: Iterable<Uint8Array>): Promise<void> {
    return sendPieces(this, eventId, pieces);
  }

  taken(): Promise<boolean> {
    if (this.#control === null) return Promise.resolve(false);
    if ((this.#control.desiredSize ?? 0) >= 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#resolveTaken = resolve;
    });
  }

  /** `close` is soon enough here. */
  last(): void {}

  close(): void {
    this.#control?.close();
    this.#control = null;
    this.#settle(false);
  }

  abandon(): void {
    this.#control?.close();
    this.#onReaderGone();
  }

  #enqueue(bytes: Uint8Array): void {
    this.#control?.enqueue(bytes);
  }

  #onReaderGone(): void {
    this.#control = null;
    this.#settle(false);
    this.#goneController.abort();
  }

  #settle(taken: boolean): void {
    if (this.#control === null || (this.#control.desiredSize ?? 0) >= 0) {
      this.#resolveRoom?.();
      this.#resolveRoom = null;
    }
    const settle = this.#resolveTaken;
    if (settle === null) return;
    if (taken && (this.#control?.desiredSize ?? 0) < 0) return;
    this.#resolveTaken = null;
    settle(taken);
  }
}
