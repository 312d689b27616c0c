import { type FullLimit, type Take, takeKey } from '../../domain/policy/limit.ts';

/** How many counters are remembered as full; beyond this the oldest are forgotten, which only costs a query. */
const MAX_REMEMBERED = 10_000;

interface RememberedLimit {
  readonly full: FullLimit;
  /** By this process's clock, in ms: it only measures how long to wait, and never decides which window it is. */
  readonly until: number;
}

/**
 * Remembers full counters until their window ends, so that a refusal costs no query. (SQL keeps P5; this only refuses
 * sooner.) A full counter refuses calls that take at least as much under a maximum that is not higher.
 */
export class FullLimits {
  readonly #full = new Map<string, RememberedLimit>();

  remember(full: FullLimit, now: Date): void {
    if (this.#full.size >= MAX_REMEMBERED) this.#full.delete(this.#full.keys().next().value!);
    this.#full.set(takeKey(full.take), { full, until: now.getTime() + full.retryAfter * 1_000 });
  }

  /** The first of these takes that is known to find its counter full; null: none is. */
  find(takes: readonly Take[], now: Date): FullLimit | null {
    for (const take of takes) {
      const key = takeKey(take);
      const remembered = this.#full.get(key);
      if (!remembered) continue;
      const { full } = remembered;
      const leftMs = remembered.until - now.getTime();
      if (leftMs <= 0) this.#full.delete(key);
      else if (alsoRefuses(full.take, take)) return { ...full, retryAfter: Math.ceil(leftMs / 1_000) };
    }
    return null;
  }
}

/** Compared as exact text or as numbers; in doubt, SQL decides. */
function alsoRefuses(refused: Take, take: Take): boolean {
  return refused.max === take.max && (refused.by === take.by || Number(refused.by) < Number(take.by));
}
