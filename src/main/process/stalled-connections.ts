import type { Server, ServerResponse } from 'node:http';
import type { OpenAnswers } from './open-answers.ts';

/** Milliseconds within which a request must have arrived completely, however slowly it is sent. */
export const REQUEST_MS = 60_000;
/** Milliseconds for which a reader may take nothing of an answer that waits for it. */
export const STALLED_MS = 120_000;

/** How much of an answer its reader has not taken yet, in bytes. */
interface Unread {
  readonly written: number;
  readonly waiting: number;
  /** When it last changed, in ms. */
  readonly since: number;
}

/**
 * Options for node:http, so that requests which arrive too slowly are ended in time: by default it checks only every
 * 30 s. `requestMs`: for header and body together.
 */
export function requestTimeouts(requestMs: number) {
  return {
    requestTimeout: requestMs,
    headersTimeout: requestMs,
    connectionsCheckingInterval: Math.min(5_000, requestMs / 4),
  };
}

/**
 * Closes connections whose reader takes nothing of what is ready for it for `stalledMs`: a half-open connection would
 * keep its answer in memory until TCP gives up. An answer that has nothing to send yet may wait for any time. Stops
 * when the server closes.
 */
export function closeStalled(server: Server, answers: OpenAnswers, stalledMs: number): void {
  const stalled = new WeakMap<ServerResponse, Unread>();
  const check = (): void => {
    const now = performance.now();
    for (const response of answers) {
      const unread = unreadOf(response, stalled.get(response) ?? null, now);
      if (unread === null) stalled.delete(response);
      else if (now - unread.since >= stalledMs) response.destroy();
      else stalled.set(response, unread);
    }
  };
  // A server that cannot listen never closes either.
  server.once('listening', () => {
    const timer = setInterval(check, Math.min(5_000, stalledMs / 4));
    server.once('close', () => clearInterval(timer));
  });
}

/** null: the reader has taken everything. */
function unreadOf({ socket }: ServerResponse, last: Unread | null, now: number): Unread | null {
  if (socket === null || socket.writableLength === 0) return null;
  const { bytesWritten: written, writableLength: waiting } = socket;
  if (last !== null && last.written === written && last.waiting === waiting) return last;
  return { written, waiting, since: now };
}
