/** Bytes of a server's stream that may lie untaken before the server is made to wait. */
export const MOST_WAITING = 1024 * 1024;

/** Where a held call's answer goes, whatever the client accepts. */
export interface HeldAnswer {
  /** Aborted when nobody listens any more. */
  readonly left: AbortSignal;
  /** An event without a message, whose id tells where to go on (2025-11-25, Resumability). */
  prime(eventId: string): void;
  comment(text: string): void;
  message(json: string): void;
  /** A promise: the reader is far behind, and whoever has more waits for it; it resolves too when nobody reads. */
  raw(bytes: Uint8Array): Promise<void> | undefined;
  taken(): Promise<boolean>;
  /** What was sent before has not been taken yet. */
  readonly stalled: boolean;
  close(): void;
  /** Nobody is to be answered any more. */
  abandon(): void;
}
