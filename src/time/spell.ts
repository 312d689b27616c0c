import { breathe } from './breathe.ts';

/** Milliseconds of work after which everybody else has a turn. */
const LONGEST_SPELL_MS = 3;

/** A spell of work whose steps are many and short: after some milliseconds of them, others have a turn. */
export class Spell {
  #since = performance.now();

  /** To be called after each step. A returned promise is to be awaited before the next one. */
  rest(): Promise<void> | undefined {
    return performance.now() - this.#since < LONGEST_SPELL_MS ? undefined : this.#breathe();
  }

  async #breathe(): Promise<void> {
    await breathe();
    this.#since = performance.now();
  }
}
