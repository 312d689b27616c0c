import { passKey, type SpentPass } from '../../domain/log/witness-entry.ts';
import type { Witness } from '../../ports.ts';

/** Passes of which one look asks; of more, so many in turn. */
const ASKED_AT_ONCE = 2_000;

/** Entries that a witness had and does not have any more, or older ones in their place. */
export interface LostEntries {
  readonly witness: string;
  readonly passes: readonly SpentPass[];
}

/**
 * Asks witnesses that others can write to whether they still have what this process knows. Whoever takes out single
 * entries, and not all of it, is found so with the next comparison, if there are no more than some thousands of them.
 */
export class LostEntryLook {
  readonly #known: ReadonlyMap<string, SpentPass>;
  /** Keys of what is being told just now, with how many tell it: a witness may not have heard of it yet. */
  readonly #telling = new Map<string, number>();
  #askedUpTo = 0;

  constructor(known: ReadonlyMap<string, SpentPass>) {
    this.#known = known;
  }

  /** These are not asked for while this goes on. */
  async whileTelling<T>(passes: readonly SpentPass[], tell: () => Promise<T>): Promise<T> {
    const count = (by: 1 | -1): void => {
      for (const key of passes.map(passKey)) {
        const now = (this.#telling.get(key) ?? 0) + by;
        if (now === 0) this.#telling.delete(key);
        else this.#telling.set(key, now);
      }
    };
    count(1);
    return tell().finally(() => count(-1));
  }

  /** Those whose turn it is. */
  next(): readonly SpentPass[] {
    if (this.#askedUpTo >= this.#known.size) this.#askedUpTo = 0;
    const all = [...this.#known.values()];
    const some = all.slice(this.#askedUpTo, this.#askedUpTo + ASKED_AT_ONCE);
    this.#askedUpTo += ASKED_AT_ONCE;
    return some;
  }

  /** Which of these it lacks, and is told again. Rejects when it does not answer. */
  async look(witness: Witness, log: string, asked: readonly SpentPass[]): Promise<readonly SpentPass[]> {
    const isSettled = (pass: SpentPass): boolean =>
      !this.#telling.has(passKey(pass)) && this.#known.get(passKey(pass)) === pass;
    const lacking = (await witness.lacks?.(log, asked.filter(isSettled))) ?? [];
    const lost = lacking.filter(isSettled);
    if (lost.length > 0) await witness.correct(log, lost);
    return lost;
  }
}
