import type { Clock, Log } from '../../ports.ts';

/** Milliseconds by which this machine's clock may differ from the database's before anybody is told. */
const MOST_MS = 5_000;
/** Milliseconds between two looks. */
const LOOK_MS = 5_000;

/**
 * Says when this machine's clock is not the database's. Nothing here goes by it, but logs, certificates and other programs
 * on the machine do, and of two clocks that differ one is wrong: perhaps it is the database's, and then every deadline is.
 */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: ReturnType<typeof setInterval> | null = null;
  #told = false;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Looks now, and then every 5 s. */
  start(): void {
    this.#look();
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** How far this machine's clock is ahead of the database's, in ms; negative: behind. */
  get aheadMs(): number {
    return this.#clock.aheadMs ?? 0;
  }

  /** In words for operators; null: the clocks agree within 5 s. */
  get trouble(): string | null {
    const { aheadMs } = this;
    if (Math.abs(aheadMs) <= MOST_MS) return null;
    const seconds = Math.round(Math.abs(aheadMs) / 1_000);
    return (
      `this machine's clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the database's. Deadlines, limits and ` +
      "leases go by the database's. Set the clock that is wrong, here or there, by NTP; nothing has to be restarted."
    );
  }

  #look(): void {
    const { trouble } = this;
    if ((trouble !== null) === this.#told) return;
    this.#told = trouble !== null;
    if (trouble === null) this.#log.info({ aheadMs: this.aheadMs }, "this machine's clock is the database's again");
    else this.#log.warn({ aheadMs: this.aheadMs }, trouble);
  }
}
