/** A token bucket that holds `burst` calls and regains `perMinute` of them each minute. */
export interface Rate {
  readonly perMinute: number;
  readonly burst: number;
  /** The argument each of whose values has a bucket of its own (`channel`). */
  readonly per?: string;
}

/** Slack's tiers (docs.slack.dev/apis/web-api/rate-limits): the calls of one method by one app in one workspace. */
export const TIER: Readonly<Record<1 | 2 | 3 | 4, Rate>> = {
  1: { perMinute: 10, burst: 10 },
  2: { perMinute: 20, burst: 20 },
  3: { perMinute: 50, burst: 50 },
  4: { perMinute: 100, burst: 100 },
};

/** About one message per second in a channel, with short bursts. */
export const POSTING: Rate = { perMinute: 60, burst: 5, per: 'channel' };

export class Rates {
  /** 1 for Slack's rates, 10 for ten times as many calls, false for no limit. */
  scale: number | false;
  readonly #buckets = new Map<string, { left: number; at: number }>();
  readonly #now: () => number;

  constructor(scale: number | false, now: () => number) {
    this.scale = scale;
    this.#now = now;
  }

  /** Counts one call. Returns 0 if it may go on, else the whole seconds to wait (Retry-After). */
  take(key: string, rate: Rate): number {
    if (this.scale === false) return 0;
    const burst = Math.max(1, rate.burst * this.scale);
    const perMs = (rate.perMinute * this.scale) / 60_000;
    const now = this.#now();
    const bucket = this.#buckets.get(key) ?? { left: burst, at: now };
    bucket.left = Math.min(burst, bucket.left + (now - bucket.at) * perMs);
    bucket.at = now;
    this.#buckets.set(key, bucket);
    if (bucket.left < 1) return Math.max(1, Math.ceil((1 - bucket.left) / perMs / 1000));
    bucket.left -= 1;
    return 0;
  }
}
