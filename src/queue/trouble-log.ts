import type { Log } from '../ports.ts';

/** Milliseconds within which the same error is logged once. */
const QUIET_MS = 30_000;
/** Different errors that are remembered at most: a backend that words each one differently must not fill the memory. */
const REMEMBERED = 50;

/** Tells operators about a backend's errors, without repeating itself at every attempt. */
export interface TroubleLog {
  report(error: unknown): void;
  /** The backend answers again. Logged only after an error. */
  recovered(): void;
}

export function troubleLog(log: Log, backend: string, describe: (error: unknown) => string): TroubleLog {
  const loggedAt = new Map<string, number>();
  return {
    report: (error) => {
      const why = describe(error);
      const now = performance.now();
      if (now - (loggedAt.get(why) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
      if (loggedAt.size >= REMEMBERED) loggedAt.clear();
      loggedAt.set(why, now);
      log.warn({ queue: backend, why }, 'the queue has trouble; it goes on when it can');
    },
    recovered: () => {
      if (loggedAt.size === 0) return;
      loggedAt.clear();
      log.info({ queue: backend }, 'the queue answers');
    },
  };
}
