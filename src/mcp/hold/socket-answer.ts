import type { ServerResponse } from 'node:http';
import { commentEvent, messageEvent, primeEvent, SSE_HEADERS } from '../sse/write.ts';
import { type HeldAnswer, MAX_UNREAD_BYTES, sendPieces } from './answer.ts';

/** Writes that wait for a reader: each costs some kilobytes, however short it is. */
const MOST_UNREAD_WRITES = 256;

/**
 * The SSE answer of a held call, written directly to node:http's response, so that a held call keeps no web stream,
 * reader or promise of theirs in memory. `taken` means that the operating system has accepted everything; the race
 * described at `HeldStream` is accepted here too.
 *
 * | the connection closes | effect |
 * |---|---|
 * | before this was created | `readerGone` is aborted from the start, nothing is written |
 * | while the answer is open | `readerGone` is aborted, and pending calls of `raw` and `taken` resolve |
 * | after `last`, and everything was taken | none |
 * | after `close` or `abandon` | none |
 */
export class HeldSocket implements HeldAnswer {
  readonly readerGone: AbortSignal;
  readonly #goneController = new AbortController();
  readonly #outgoing: ServerResponse;
  #open = true;
  #isLast = false;
  /** Writes that the socket has not accepted yet. */
  #pendingWrites = 0;
  #resolveTaken: ((taken: boolean) => void) | null = null;
  #resolveRoom: (() => void) | null = null;

  /** `headers`: besides those of every event stream. */
  constructor(outgoing: ServerResponse, headers: Readonly<Record<string, string>> = {}) {
    this.readerGone = this.#goneController.signal;
    this.#outgoing = outgoing;
    // A write to a closed connection is an error of the response; the `close` event reports that the reader has gone.
    outgoing.on('error', ignore);
    if (outgoing.destroyed || outgoing.closed || outgoing.socket === null) {
      this.#onReaderGone();
      return;
    }
    outgoing.on('close', () => {
      if (this.#open && !(this.#isLast && this.#pendingWrites === 0)) this.#onReaderGone();
    });
    outgoing.writeHead(200, { ...SSE_HEADERS, ...headers });
  }

  get stalled(): boolean {
    return this.#pendingWrites > 0;
  }

  prime(eventId: string): void {
    this.#write(primeEvent(eventId));
  }

  comment(text: string): void {
    this.#write(commentEvent(text));
  }

  message(json: string): void {
    this.#write(messageEvent(json));
  }

  raw(bytes: Uint8Array): Promise<void> | undefined {
    this.#write(bytes);
    const hasRoom = this.#outgoing.writableLength < MAX_UNREAD_BYTES && this.#pendingWrites < MOST_UNREAD_WRITES;
    if (!this.#open || hasRoom) return undefined;
    return new Promise((resolve) => {
      this.#resolveRoom = resolve;
    });
  }

  large(eventId: string | null, pieces: Iterable<Uint8Array>): Promise<void> {
    return sendPieces(this, eventId, pieces);
  }

  last(): void {
    if (!this.#open) return;
    this.#isLast = true;
    // In the same turn as the last message, so both are one write.
    this.#outgoing.end();
  }

  taken(): Promise<boolean> {
    if (!this.#open || this.#pendingWrites === 0) return Promise.resolve(this.#open);
    return new Promise((resolve) => {
      this.#resolveTaken = resolve;
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
    this.#onReaderGone();
  }

  #write(data: string | Uint8Array): void {
    if (!this.#open || this.#isLast) return;
    this.#pendingWrites += 1;
    this.#outgoing.write(data, this.#onWritten);
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error) return;
    this.#pendingWrites -= 1;
    if (this.#pendingWrites === 0 && this.#open) this.#settle(true);
  };

  #onReaderGone(): void {
    this.#open = false;
    this.#settle(false);
    this.#goneController.abort();
  }

  #settle(taken: boolean): void {
    this.#resolveRoom?.();
    this.#resolveRoom = null;
    this.#resolveTaken?.(taken);
    this.#resolveTaken = null;
  }
}

function ignore(): void {}
