/** Milliseconds of a day. */
export const DAY_MS = 86_400_000;

/** The day of an instant, in UTC: `2026-11-30`. */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** Midnight before this instant, by UTC. */
export function dayBegan(at: Date): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()));
}
