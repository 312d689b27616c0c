import type { Log } from '../../ports.ts';

/** Milliseconds between two tries. */
const EVERY_MS = 1_000;
/** How many tasks are kept. More are dropped: time-outs clear up what they would have recorded. */
const MAX_TASKS = 10_000;

/** One record to write. Running it twice does no harm. */
type RetryTask = () => Promise<void>;

/**
 * Retries small writes that the store did not accept while it was away for a moment: a caller left, a caller has its
 * answer, a card was released. If they were lost, a seat would stay taken for as long as this process lives, and an
 * answer would be handed out twice.
 */
export class RetryQueue {
  readonly #log: Log;
  #waiting: RetryTask[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #stopped = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Tries now, and again until it succeeds. Resolves after the first try; never rejects. */
  async run(task: RetryTask): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#log.warn({ err: error }, 'a small write failed and is retried until it succeeds');
      this.add(task);
    }
  }

  /** Tries in a second, and again until it succeeds. */
  add(task: RetryTask): void {
    if (this.#stopped || this.#waiting.length >= MAX_TASKS) return;
    this.#waiting.push(task);
    this.#timer ??= setTimeout(() => void this.#retryAll(), EVERY_MS);
  }

  /** Ends the retries: the process stops, and its callers soon count as absent. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #retryAll(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#timer = null;
    for (const [index, task] of waiting.entries()) {
      try {
        await task();
      } catch {
        // A store that does not take one will not take the next. If it was because of this one, the next go first.
        for (const remaining of waiting.slice(index + 1)) this.add(remaining);
        this.add(task);
        return;
      }
    }
  }
}
