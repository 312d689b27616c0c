/** Too many want to ask the provider at once. */
export class TooManyAsk extends Error {
  constructor() {
    super('it is being asked about too many access tokens at once');
  }
}

export interface TurnBounds {
  /** Requests under way. */
  readonly atOnce: number;
  /** How many may wait for one of them to end. */
  readonly waiting: number;
  /** How many one account may have, under way and waiting. */
  readonly each: number;
  /** Milliseconds after which whoever waited is sent away. */
  readonly waitMs: number;
}

/** How many requests go to the provider at once. The others wait in the order in which they came, but for a bound. */
export class ProviderTurns {
  readonly #bounds: TurnBounds;
  readonly #steady: () => number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #of = new Map<string, number>();

  constructor(bounds: TurnBounds, steady: () => number) {
    this.#bounds = bounds;
    this.#steady = steady;
  }

  /** Whether one more of this account may ask, or wait. */
  hasPlace(by: string): boolean {
    const { atOnce, waiting, each } = this.#bounds;
    if ((this.#of.get(by) ?? 0) >= each) return false;
    return this.#running < atOnce || this.#waiting.length < waiting;
  }

  /** `by`: the account for which it is done. Rejects with `TooManyAsk`, or as `work` does. */
  async run<T>(by: string, work: () => Promise<T>): Promise<T> {
    if (!this.hasPlace(by)) throw new TooManyAsk();
    const { atOnce, waitMs } = this.#bounds;
    const isFull = this.#running >= atOnce;
    this.#of.set(by, (this.#of.get(by) ?? 0) + 1);
    const since = this.#steady();
    // Whoever ends hands the turn over, so that nobody takes it in between.
    if (isFull) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#running += 1;
    try {
      if (this.#steady() - since > waitMs) throw new TooManyAsk();
      return await work();
    } finally {
      this.#leave(by);
    }
  }

  #leave(by: string): void {
    const left = (this.#of.get(by) ?? 1) - 1;
    if (left > 0) this.#of.set(by, left);
    else this.#of.delete(by);
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
