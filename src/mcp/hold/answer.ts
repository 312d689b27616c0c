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
  /** Resolves to true once the reader has taken everything sent so far; false when it has gone. */
  taken(): Promise<boolean>;
  /** The reader has not taken yet what was sent before. */
  readonly stalled: boolean;
  close(): void;
  /** Ends the answer without a response, and aborts `readerGone`. */
  abandon(): void;
}
