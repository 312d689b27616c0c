import { breathe } from './breathe.ts';
import { standBack } from './stand-back.ts';

/** Milliseconds of work after which everybody else has a turn. */
const LONGEST_SPELL_MS = 3;
/** Milliseconds that others get when one spell follows another. */
const OTHERS_MS = 2;
/** Milliseconds without a rest after which a spell counts as the first one again. */
const AFRESH_MS = 20;

/**
 * A spell of work whose steps are many and short: after some milliseconds of them, others have a turn, and when it goes on
 * like that, they have some milliseconds, too.
 */
export class Spell {
  #since = performance.now();
  #restedAt = Number.NEGATIVE_INFINITY;

  /** To be called after each step. A returned promise is to be awaited before the next one. */
  rest(): Promise<void> | undefined {
    return performance.now() - this.#since < LONGEST_SPELL_MS ? undefined : this.#rest();
  }

  async #rest(): Promise<void> {
    const goesOn = performance.now() - this.#restedAt < AFRESH_MS;
    await (goesOn ? standBack(OTHERS_MS) : breathe());
    this.#since = performance.now();
    this.#restedAt = this.#since;
  }
}
