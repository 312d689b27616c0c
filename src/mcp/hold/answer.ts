import { breathe } from '../../time/breathe.ts';
import { eventHead } from '../sse/write.ts';

const ENCODER = new TextEncoder();
/** Bytes of a server's stream that may wait for a slow reader before reading from the server is paused. */
export const MAX_UNREAD_BYTES = 1024 * 1024;

/** Where a held call's answer is written, whether the client accepts a stream or JSON only. */
export interface HeldAnswer {
  /** Aborted when the reader has gone, or when the answer is abandoned. */
  readonly readerGone: AbortSignal;
  /** Sends an event without a message, by whose id the stream can be resumed (2025-11-25, Resumability). */
  prime(eventId: string): void;
  comment(text: string): void;
  /** Sends a JSON-RPC message, as JSON text. */
  message(json: string): void;
  /**
   * Sends bytes of a server's stream unchanged. A returned promise means that the reader is more than
   * `MAX_UNREAD_BYTES` behind; it resolves when there is room again or the reader has gone.
   */
  raw(bytes: Uint8Array): Promise<void> | undefined;
  /**
   * Sends a JSON-RPC message on one line, in pieces, as the reader takes them. Resolves once all are sent or the reader
   * has gone. `eventId`: the id of its event; null: it has none.
   */
  large(eventId: string | null, pieces: Iterable<Uint8Array>): Promise<void>;
  /** Nothing more is sent: the end may go with what was sent last. `taken` still tells whether that arrived. */
  last(): void;
  /** Resolves to true once the reader has taken everything sent so far; false when it has gone. */
  taken(): Promise<boolean>;
  /** The reader has not taken yet what was sent before. */
  readonly stalled: boolean;
  close(): void;
  /** Ends the answer without a response, and aborts `readerGone`. */
  abandon(): void;
}

/** Sends a message in pieces through `raw`. */
export async function sendPieces(
  answer: Pick<HeldAnswer, 'raw' | 'readerGone'>,
  eventId: string | null,
  pieces: Iterable<Uint8Array>,
): Promise<void> {
  void answer.raw(ENCODER.encode(eventHead(eventId)));
  for (const piece of pieces) {
    await answer.raw(piece);
    await breathe();
    if (answer.readerGone.aborted) return;
  }
  void answer.raw(ENCODER.encode('\n\n'));
}
