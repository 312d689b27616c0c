import { type FullLimit, type Take, takeKey } from '../../domain/policy/limit.ts';

/** How many counters are remembered as full; beyond this the oldest are forgotten, which only costs a query. */
const MAX_REMEMBERED = 10_000;
/**
 * Milliseconds for which one is believed to be full. It may have room before its window ends: a call that was not sent gives
 * back what it took, and so does a replica that had stood still with a part of it.
 */
const BELIEVED_MS = 5_000;

interface RememberedLimit {
  readonly full: FullLimit;
  /** When its window ends, by this process's clock, in ms: it only measures how long to wait, and never decides which window it is. */
  readonly endsAt: number;
  /** Until when it is believed, by the same clock. */
  readonly until: number;
}

/**
 * Remembers full counters for some seconds, so that most refusals cost no query. (SQL keeps P5; this only refuses
 * sooner.) A full counter refuses calls that take at least as much under a maximum that is not higher.
 */
export class FullLimits {
  readonly #full = new Map<string, RememberedLimit>();

  remember(full: FullLimit, now: Date): void {
    if (this.#full.size >= MAX_REMEMBERED) this.#full.delete(this.#full.keys().next().value!);
    const endsAt = now.getTime() + full.retryAfter * 1_000;
    this.#full.set(takeKey(full.take), { full, endsAt, until: Math.min(endsAt, now.getTime() + BELIEVED_MS) });
  }

  /** The first of these takes that is known to find its counter full; null: none is. */
  find(takes: readonly Take[], now: Date): FullLimit | null {
    for (const take of takes) {
      const key = takeKey(take);
      const remembered = this.#full.get(key);
      if (!remembered) continue;
      const { full } = remembered;
      if (remembered.until <= now.getTime()) this.#full.delete(key);
      else if (alsoRefuses(full.take, take)) {
        return { ...full, retryAfter: Math.ceil((remembered.endsAt - now.getTime()) / 1_000) };
      }
    }
    return null;
  }
}

/** Compared as exact text or as numbers; in doubt, SQL decides. */
function alsoRefuses(refused: Take, take: Take): boolean {
  return refused.max === take.max && (refused.by === take.by || Number(refused.by) < Number(take.by));
}
