import type { Clock } from '../../ports.ts';
import { withinOr } from '../../time/within.ts';

/** Answers from a slow source, kept for a while. Each key is asked for once at a time; a missing answer is not kept. */
export class AnswerCache<T> {
  readonly #clock: Clock;
  readonly #keepMs: number;
  readonly #kept = new Map<string, { value: T | 'missing'; at: number }>();
  readonly #pending = new Map<string, Promise<T | 'missing' | null>>();

  constructor(clock: Clock, keepMs: number) {
    this.#clock = clock;
    this.#keepMs = keepMs;
  }

  /** The kept answer, or a new one within `waitMs`; null if none came. `missing`: the source knows no such thing. */
  async get(key: string, waitMs: number, ask: () => Promise<T | 'missing' | null>): Promise<T | 'missing' | null> {
    // Age counts from the question: what was true when Slack answered may have changed before the answer arrived.
    const askedAt = this.#clock.now().getTime();
    for (const [old, entry] of this.#kept) if (askedAt - entry.at >= this.#keepMs) this.#kept.delete(old);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept.value;
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = ask()
        .then((value) => {
          if (value !== null) this.#kept.set(key, { value, at: askedAt });
          return value;
        })
        .catch(() => null)
        .finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return withinOr(waitMs, pending, null);
  }
}
