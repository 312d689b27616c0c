import type { Log } from '../ports.ts';

/** So many failures one after the other, and what a kind of step needs counts as away: the next sweep tries again. */
const FAILURES = 3;

/**
 * The steps of one sweep. One that fails keeps no other from being done, in this sweep or in a later one: neither a kind
 * of step the next kind, nor an approval another. Each kind begins somewhere else in its list every time, so that a few
 * that always fail are not always the first ones.
 */
export class SweepSteps {
  readonly #log: Log;
  #failed = 0;
  #last: unknown = null;

  constructor(log: Log) {
    this.#log = log;
  }

  /** One kind of step. Never rejects. `what`: for the log. */
  async kind(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(error, { step: what });
    }
  }

  /** A step for each of them. Never rejects. */
  async each<T extends { readonly id: string }>(
    what: string,
    all: readonly T[],
    step: (one: T) => Promise<unknown>,
  ): Promise<void> {
    const first = Math.floor(Math.random() * all.length);
    let inARow = 0;
    for (const one of [...all.slice(first), ...all.slice(0, first)]) {
      try {
        await step(one);
        inARow = 0;
      } catch (error) {
        this.#fail(error, { step: what, approval: one.id });
        inARow += 1;
        if (inARow === FAILURES) return;
      }
    }
  }

  /** Throws the last failure, if there was one. */
  end(): void {
    if (this.#failed > 0) throw this.#last;
  }

  #fail(error: unknown, about: object): void {
    this.#failed += 1;
    this.#last = error;
    this.#log.warn({ ...about, err: error }, 'a step of the sweep failed; the others are done');
  }
}
