import type { Server, ServerResponse } from 'node:http';
import type { OpenAnswers } from './open-answers.ts';

/** Milliseconds in which a request must have arrived whole, however its sender trickles it. */
export const REQUEST_MS = 60_000;
/** Milliseconds for which what waits for a reader may lie untaken. */
export const UNTAKEN_MS = 120_000;

/** Where an answer stands that its reader has not taken whole. */
interface UntakenAnswer {
  readonly written: number;
  readonly waiting: number;
  readonly since: number;
}

/**
 * What node:http is told so that a request that trickles in ends in time: by itself it looks every 30 s only.
 * `requestMs`: header and body together.
 */
export function requestBounds(requestMs: number) {
  return {
    requestTimeout: requestMs,
    headersTimeout: requestMs,
    connectionsCheckingInterval: Math.min(5_000, requestMs / 4),
  };
}

/**
 * Lets go of readers that take nothing of what lies ready for them for `untakenMs`: a connection that is only half open
 * would hold its answer in memory until TCP gives up. An answer that has nothing to say yet may wait as long as it
 * likes. Ends with the server.
 */
export function letGoOfTheStalled(server: Server, answers: OpenAnswers, untakenMs: number): void {
  const stalled = new WeakMap<ServerResponse, UntakenAnswer>();
  const look = (): void => {
    const now = performance.now();
    for (const response of answers) {
      const backlog = backlogOf(response, stalled.get(response) ?? null, now);
      if (backlog === null) stalled.delete(response);
      else if (now - backlog.since >= untakenMs) response.destroy();
      else stalled.set(response, backlog);
    }
  };
  // A server that cannot listen never closes either.
  server.once('listening', () => {
    const timer = setInterval(look, Math.min(5_000, untakenMs / 4));
    server.once('close', () => clearInterval(timer));
  });
}

/** null: the reader has taken everything. */
function backlogOf({ socket }: ServerResponse, last: UntakenAnswer | null, now: number): UntakenAnswer | null {
  if (socket === null || socket.writableLength === 0) return null;
  const { bytesWritten: written, writableLength: waiting } = socket;
  if (last !== null && last.written === written && last.waiting === waiting) return last;
  return { written, waiting, since: now };
}
