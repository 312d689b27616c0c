import type { Clock } from '../../ports.ts';

/** Answers of somebody slow, kept for a while. Asked once at a time for each key; what was not said is not kept. */
export class AnswerCache<T> {
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
    return within(waitMs, asking);
  }
}

/** The promise's value, or null when it takes longer than `ms`. Leaves no timer behind. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `ms`, or as soon as the signal comes. */
export function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
