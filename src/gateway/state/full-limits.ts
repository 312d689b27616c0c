import { type FullLimit, type Take, takeKey } from '../../domain/policy/limit.ts';

/** Counters remembered as full; more than this many and the oldest are forgotten, which only costs a query. */
const MOST = 10_000;

interface Memory {
  readonly full: FullLimit;
  /** This process's clock, in ms: only how long it waits, never which window it is. */
  readonly until: number;
}

/**
 * Full counters, remembered until their window ends, so that a refusal costs no query (P5 is kept by SQL; this only
 * says no sooner). A memory speaks for calls that take at least as much under a maximum that is not higher.
 */
export class FullLimits {
  readonly #known = new Map<string, Memory>();

  remember(full: FullLimit, now: Date): void {
    if (this.#known.size >= MOST) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(takeKey(full.take), { full, until: now.getTime() + full.retryAfter * 1_000 });
  }

  /** The first of these takes that is known to have no room. */
  recall(takes: readonly Take[], now: Date): FullLimit | null {
    for (const take of takes) {
      const key = takeKey(take);
      const memory = this.#known.get(key);
      if (!memory) continue;
      const left = memory.until - now.getTime();
      if (left <= 0) this.#known.delete(key);
      else if (speaksFor(memory.full.take, take)) return { ...memory.full, retryAfter: Math.ceil(left / 1_000) };
    }
    return null;
  }
}

/** Compared as the very text, or as whole numbers: what is not surely as full is left to SQL. */
function speaksFor(known: Take, take: Take): boolean {
  return known.max === take.max && (known.by === take.by || Number(known.by) < Number(take.by));
}
