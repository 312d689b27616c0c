import type { Clock } from '../../ports.ts';

/**
 * How a call ended. `unfinished`: its response was not heard, or is a task that still runs, so that what it brings may come later
 * by another way.
 */
export type CallEnd = 'succeeded' | 'failed' | 'unfinished';

/** A call that is listened to, because a policy asks for it later. Neither rejects. */
export interface HeardCall {
  /** Awaited before something of its answer is passed on that is not its response. */
  came(): Promise<void>;
  /** Awaited before its response is passed on; once. */
  ended(how: CallEnd): Promise<void>;
}

/** Milliseconds for which what comes counts as having come at one time. */
export const AT_ONE_TIME_MS = 1_000;

/** Runs it only where it did not run within the last second. `justNow`: it has run a moment ago. */
export function onceASecond(clock: Clock, run: () => Promise<void>, justNow: boolean): () => Promise<void> {
  let last = justNow ? clock.now().getTime() : Number.NEGATIVE_INFINITY;
  return async () => {
    const now = clock.now().getTime();
    if (Math.abs(now - last) < AT_ONE_TIME_MS) return;
    last = now;
    await run();
  };
}
