import type { ServerResponse } from 'node:http';
import { commentEvent, messageEvent, primeEvent, STREAM_HEADERS } from '../sse/write.ts';
import { type HeldAnswer, MOST_WAITING } from './answer.ts';

/**
 * The SSE answer of a held call, written straight to node:http's response: a held call then keeps no web stream, no
 * reader and none of their promises in memory. `taken` means that the operating system has everything; the race of
 * `HeldStream` is accepted here too.
 *
 * | the connection closes | becomes |
 * |---|---|
 * | before this was made | `left` is aborted from the start, nothing is written |
 * | while it is open | `left` is aborted, whoever waits for the reader hears that nobody reads |
 * | after `close` or `abandon` | nothing |
 */
export class HeldSocket implements HeldAnswer {
  readonly left: AbortSignal;
  readonly #left = new AbortController();
  readonly #outgoing: ServerResponse;
  #open = true;
  /** Writes that the socket has not taken. */
  #waiting = 0;
  #taken: ((taken: boolean) => void) | null = null;
  #room: (() => void) | null = null;

  constructor(outgoing: ServerResponse) {
    this.left = this.#left.signal;
    this.#outgoing = outgoing;
    // A write that the other end does not live to see is an error of the response; that it is gone is told by `close`.
    outgoing.on('error', ignore);
    if (outgoing.destroyed || outgoing.closed || outgoing.socket === null) {
      this.#gone();
      return;
    }
    outgoing.on('close', () => {
      if (this.#open) this.#gone();
    });
    outgoing.writeHead(200, STREAM_HEADERS);
  }

  get stalled(): boolean {
    return this.#waiting > 0;
  }

  prime(eventId: string): void {
    this.#put(primeEvent(eventId));
  }

  comment(text: string): void {
    this.#put(commentEvent(text));
  }

  message(json: string): void {
    this.#put(messageEvent(json));
  }

  raw(bytes: Uint8Array): Promise<void> | undefined {
    this.#put(bytes);
    if (!this.#open || this.#outgoing.writableLength < MOST_WAITING) return undefined;
    return new Promise((resolve) => {
      this.#room = resolve;
    });
  }

  taken(): Promise<boolean> {
    if (!this.#open || this.#waiting === 0) return Promise.resolve(this.#open);
    return new Promise((resolve) => {
      this.#taken = resolve;
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#outgoing.end();
    this.#settle(false);
  }

  abandon(): void {
    if (!this.#open) return;
    this.#outgoing.end();
    this.#gone();
  }

  #put(what: string | Uint8Array): void {
    if (!this.#open) return;
    this.#waiting += 1;
    this.#outgoing.write(what, this.#wrote);
  }

  readonly #wrote = (error?: Error | null): void => {
    if (error) return;
    this.#waiting -= 1;
    if (this.#waiting === 0 && this.#open) this.#settle(true);
  };

  #gone(): void {
    this.#open = false;
    this.#settle(false);
    this.#left.abort();
  }

  #settle(taken: boolean): void {
    this.#room?.();
    this.#room = null;
    this.#taken?.(taken);
    this.#taken = null;
  }
}

function ignore(): void {}
