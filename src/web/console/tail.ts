import type { LoggedEvent } from '../../domain/log/event.ts';
import type { Log, Records } from '../../ports.ts';

/** Milliseconds between two looks at the log while somebody watches. */
const LOOK_MS = 500;
const MOST_AT_ONCE = 500;

export type TailListener = (events: readonly LoggedEvent[]) => void;

/**
 * Follows the log for all who watch from this process: one query for all of them, none when nobody watches. It reads in
 * the order of the chain, so that an event whose transaction ended late is not skipped.
 */
export class Tail {
  readonly #records: Pick<Records, 'since' | 'chain'>;
  readonly #log: Log;
  readonly #listeners = new Set<TailListener>();
  #after: number | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(records: Pick<Records, 'since' | 'chain'>, log: Log) {
    this.#records = records;
    this.#log = log;
  }

  get watched(): number {
    return this.#listeners.size;
  }

  /** Calls the listener with every event sealed from now on. Returns what ends it. */
  follow(listener: TailListener): () => void {
    this.#listeners.add(listener);
    this.#timer ??= setTimeout(() => void this.#look(), 0);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
      this.#after = null;
    };
  }

  async #look(): Promise<void> {
    try {
      this.#after ??= (await this.#records.chain(1)).seq;
      const events = await this.#records.since(this.#after, MOST_AT_ONCE);
      const last = events.at(-1)?.seq ?? null;
      // While this look was under way the last listener may have gone, and the place with it.
      if (last !== null && this.#after !== null) this.#after = last;
      if (events.length > 0) for (const listener of this.#listeners) listener(events);
    } catch (error) {
      this.#log.warn({ err: error }, 'the console could not read the log; trying again');
    }
    if (this.#timer !== null) this.#timer = setTimeout(() => void this.#look(), LOOK_MS);
  }
}
