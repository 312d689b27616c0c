import type { Log } from '../../ports.ts';

/** Milliseconds between two tries. */
const EVERY_MS = 1_000;
/** Errands kept at most; what is dropped beyond is healed by time alone. */
const MOST = 10_000;

/** One thing that was to be noted. Running it twice does no harm. */
type RetryTask = () => Promise<void>;

/**
 * Small notes of who has what, that a store which was away for a moment did not take: a caller went, a caller has its
 * answer, a card is let go of. Lost, they would keep a place taken for as long as this process lives, and hand an answer out twice.
 */
export class RetryQueue {
  readonly #log: Log;
  #waiting: RetryTask[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #stopped = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Tries now, and again until it worked. Never throws. */
  async run(errand: RetryTask): Promise<void> {
    try {
      await errand();
    } catch (error) {
      this.#log.warn({ err: error }, 'who has what could not be noted; trying until it is');
      this.add(errand);
    }
  }

  /** Tries a second later. */
  add(errand: RetryTask): void {
    if (this.#stopped || this.#waiting.length >= MOST) return;
    this.#waiting.push(errand);
    this.#timer ??= setTimeout(() => void this.#all(), EVERY_MS);
  }

  /** No more tries: the process ends, and whoever it held counts as absent soon. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #all(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#timer = null;
    for (const [index, errand] of waiting.entries()) {
      try {
        await errand();
      } catch {
        // Whoever does not answer one will not answer the next.
        for (const left of waiting.slice(index)) this.add(left);
        return;
      }
    }
  }
}
