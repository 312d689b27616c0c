import type { Clock } from '../ports.ts';
import { withinOr } from '../time/within.ts';

/** Answers of somebody slow, kept for a while. Asked once at a time for each key; what was not said is not kept. */
export class Fresh<T> {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #kept = new Map<string, { value: T | 'missing'; at: number }>();
  readonly #asking = new Map<string, Promise<T | 'missing' | null>>();

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  /** The kept answer, or a new one within `waitMs`; null when none came. */
  async get(key: string, waitMs: number, ask: () => Promise<T | 'missing' | null>): Promise<T | 'missing' | null> {
    // The age counts from the asking: what was true while the answer travelled may not be any more.
    const asked = this.#clock.now().getTime();
    for (const [old, entry] of this.#kept) if (asked - entry.at >= this.#ms) this.#kept.delete(old);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept.value;
    let asking = this.#asking.get(key);
    if (asking === undefined) {
      asking = ask()
        .then((value) => {
          if (value !== null) this.#kept.set(key, { value, at: asked });
          return value;
        })
        .catch(() => null)
        .finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    return withinOr(waitMs, asking, null);
  }
}
