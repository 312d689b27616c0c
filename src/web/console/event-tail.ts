import type { LoggedEvent } from '../../domain/log/event.ts';
import type { Log, Records } from '../../ports.ts';

/** Milliseconds between two looks at the log while anybody listens. */
const POLL_MS = 500;
/** Events read at once. */
const MAX_EVENTS = 500;

export type TailListener = (events: readonly LoggedEvent[]) => void;

/**
 * Follows the log for all live pages of this process: one query for all listeners, none while there are none. Reads in
 * the order of the chain, so that an event whose transaction committed late is not skipped.
 */
export class EventTail {
  readonly #records: Pick<Records, 'since' | 'chain'>;
  readonly #log: Log;
  readonly #listeners = new Set<TailListener>();
  #after: number | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #untilPlaced = new Set<() => void>();

  constructor(records: Pick<Records, 'since' | 'chain'>, log: Log) {
    this.#records = records;
    this.#log = log;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Calls the listener with the events sealed from now on, in order. Returns the function that ends this. */
  follow(listener: TailListener): () => void {
    this.#listeners.add(listener);
    this.#timer ??= setTimeout(() => void this.#poll(), 0);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
      this.#after = null;
      this.#placed();
    };
  }

  /**
   * Resolves once the tail knows from where in the log it follows, or nobody listens. What a page reads after that, and
   * what it is told, leave no gap.
   */
  async placed(): Promise<void> {
    if (this.#after !== null || this.#listeners.size === 0) return;
    await new Promise<void>((resolve) => this.#untilPlaced.add(resolve));
  }

  #placed(): void {
    for (const resolve of this.#untilPlaced) resolve();
    this.#untilPlaced.clear();
  }

  async #poll(): Promise<void> {
    try {
      this.#after ??= (await this.#records.chain(1)).seq;
      this.#placed();
      const events = await this.#records.since(this.#after, MAX_EVENTS);
      const last = events.at(-1)?.seq ?? null;
      // The last listener may have left meanwhile, and the position with it.
      if (last !== null && this.#after !== null) this.#after = last;
      if (events.length > 0) for (const listener of this.#listeners) listener(events);
    } catch (error) {
      this.#log.warn({ err: error }, 'the console could not read the log; trying again');
    }
    if (this.#timer !== null) this.#timer = setTimeout(() => void this.#poll(), POLL_MS);
  }
}
