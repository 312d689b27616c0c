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

  /** A step for each of them, so many at once. Never rejects. */
  async each<T extends { readonly id: string }>(
    what: string,
    all: readonly T[],
    step: (one: T) => Promise<unknown>,
    atOnce = 1,
  ): Promise<void> {
    const first = Math.floor(Math.random() * all.length);
    const inTurn = [...all.slice(first), ...all.slice(0, first)];
    let inARow = 0;
    for (let from = 0; from < inTurn.length; from += atOnce) {
      const some = inTurn.slice(from, from + atOnce);
      const ends = await Promise.allSettled(some.map(async (one) => step(one)));
      for (const [at, end] of ends.entries()) {
        inARow = end.status === 'fulfilled' ? 0 : inARow + 1;
        if (end.status === 'rejected') this.#fail(end.reason, { step: what, approval: some[at]!.id });
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
