/** How long, in the largest unit that is at least one: `45s`, `12m`, `3h`, `8d`. */
function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

/** How old a thing is that an API says was made at `at`; `?` where that is no time. `now`: ms since the epoch. */
export function ageText(at: string | undefined, now: number): string {
  const made = Date.parse(at ?? '');
  return Number.isNaN(made) ? '?' : spanText(now - made);
}

/** How long something lasts that ends at `until`: `12m`, or `over`. */
export function leftText(until: string | null | undefined, now: number): string {
  const end = Date.parse(until ?? '');
  if (Number.isNaN(end)) return '?';
  return end <= now ? 'over' : spanText(end - now);
}
