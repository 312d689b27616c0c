import type { Log } from '../ports.ts';

/** Milliseconds in which the same trouble is told once. */
const QUIET_MS = 30_000;

/** Tells operators about a backend's trouble, without repeating itself at every attempt. */
export interface TroubleLog {
  report(error: unknown): void;
  recovered(): void;
}

export function troubleLog(log: Log, place: string, fault: (error: unknown) => string): TroubleLog {
  const told = new Map<string, number>();
  return {
    report: (error) => {
      const why = fault(error);
      const now = performance.now();
      if (now - (told.get(why) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
      // A backend that words each trouble differently must not fill memory.
      if (told.size >= 50) told.clear();
      told.set(why, now);
      log.warn({ queue: place, why }, 'the queue has trouble; it goes on when it can');
    },
    recovered: () => {
      if (told.size === 0) return;
      told.clear();
      log.info({ queue: place }, 'the queue answers');
    },
  };
}
