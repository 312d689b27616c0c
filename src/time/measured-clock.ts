/** One look at another machine's clock. `askedAt`, `answeredAt`: ms of a clock of this process that nobody sets. */
export interface ClockReading {
  readonly askedAt: number;
  readonly answeredAt: number;
  /** What the other clock said in between. */
  readonly told: Date;
}

/** The clocks of this machine. */
export interface OwnClocks {
  /** Milliseconds since 1970, as far as this machine knows; anybody may set it. */
  wall(): number;
  /** Milliseconds since some moment; nobody sets it. */
  steady(): number;
}

const OWN: OwnClocks = { wall: () => Date.now(), steady: () => performance.now() };

/**
 * Another machine's clock, as well as it can be known here: its last reading, carried on by a clock that nobody sets, so
 * that setting this machine's clock changes nothing. Before the first reading it is this machine's.
 *
 * A reading is a lower bound when it arrives: the other clock has gone on since it was read. Of all lower bounds the
 * highest counts. So it is never ahead of the other clock, and behind it by no more than the fastest answer took. A
 * reading that this contradicts says that the other clock was set back, or is another machine's now: then it counts.
 */
export class MeasuredClock {
  readonly #own: OwnClocks;
  #told = 0;
  #at = 0;
  #spreadMs: number | null = null;

  constructor(own: OwnClocks = OWN) {
    this.#own = own;
  }

  now(): Date {
    return new Date(this.#nowAt(this.#own.steady()) ?? this.#own.wall());
  }

  learn({ askedAt, answeredAt, told }: ClockReading): void {
    const least = told.getTime();
    const tookMs = answeredAt - askedAt;
    const known = this.#nowAt(answeredAt);
    if (known !== null && known >= least && known <= least + tookMs) return;
    this.#told = least;
    this.#at = answeredAt;
    this.#spreadMs = tookMs;
  }

  /** How far this machine's clock is ahead of it at least, in ms; negative: behind; 0 before the first reading. */
  get aheadMs(): number {
    const known = this.#nowAt(this.#own.steady());
    if (known === null) return 0;
    const ahead = this.#own.wall() - known;
    return ahead > 0 ? Math.max(0, ahead - (this.#spreadMs ?? 0)) : ahead;
  }

  #nowAt(steady: number): number | null {
    return this.#spreadMs === null ? null : this.#told + steady - this.#at;
  }
}
