import type { Log } from '../ports.ts';

/**
 * Job options: retried until it succeeds, and kept nowhere afterwards, because a kept id would swallow the next job.
 */
export const RETRIED = {
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 1_000_000_000,
  backoff: { type: 'patient' },
};

/** Milliseconds between two attempts at most. While a job waits for its next one, publishing it again changes nothing. */
const LONGEST_MS = 10_000;

/** Milliseconds before the next attempt: 1 s, doubling to 10 s, so that what failed comes soon after the store is back. */
export function backOff(attempts: number): number {
  return Math.min(LONGEST_MS, 1_000 * 2 ** Math.min(attempts - 1, 4));
}

/**
 * Runs a job's work. A handler's error goes to the log only: BullMQ stores what a job throws, and errors may hold
 * secrets.
 */
export async function retryable<T>(work: () => Promise<T>, about: object, log: Log): Promise<T> {
  try {
    return await work();
  } catch (error) {
    log.warn({ ...about, why: error instanceof Error ? error.message : String(error) }, 'a job failed; it comes again');
    const failed = new Error('failed; see the log');
    failed.stack = '';
    throw failed;
  }
}
