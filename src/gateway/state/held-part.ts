import { type Take, type Taken, takeKey } from '../../domain/policy/limit.ts';
import { isBefore, type Moment, momentAfter, paceAfter, runsLow } from '../../domain/policy/part.ts';
import type { GrantedPart } from '../../ports.ts';

/** Milliseconds for which a holder is believed to be alive without a sign of life. */
export const PART_LEASE_MS = 5_000;
/** The holder stops this much earlier, so that nobody has given up a part that is still being spent. */
const SPARE_MS = 500;
/** A lease with less than this left is renewed. */
const RENEW_MS = 3_000;
/** Two calls within this time make a counter busy enough for a part. */
const BUSY_MS = 1_000;
/** A counter of which nothing was spent for so long is let go. */
const IDLE_MS = 5_000;
/** After a refused part none is asked for during this time. */
const REFUSED_MS = 1_000;

/**
 * A part of one window that this process has taken. `asked`: the moment before the database was asked, so that both ends
 * come no later here than there, whatever this machine's clock says and however long the process stood still.
 */
export class HeldPart {
  readonly id: string;
  readonly windowStart: Date;
  left: number;
  /** Nothing is spent of it any more, and what is left is on its way back. */
  ended = false;
  /** The database has no row of it any more, and so has not counted what was spent of it. */
  lost = false;
  readonly #windowEnd: Moment;
  #leaseEnd: Moment;

  constructor({ id, size, windowStart, leftMs }: GrantedPart, asked: Moment) {
    this.id = id;
    this.windowStart = windowStart;
    this.left = size;
    this.#windowEnd = momentAfter(asked, leftMs);
    this.#leaseEnd = momentAfter(asked, PART_LEASE_MS - SPARE_MS);
  }

  /** Whether calls may be counted against it. */
  isGood(now: Moment): boolean {
    return !this.ended && isBefore(now, this.#windowEnd) && isBefore(now, this.#leaseEnd);
  }

  /** Whether it is time for a sign of life. */
  isDue(now: Moment): boolean {
    return !isBefore(momentAfter(now, RENEW_MS), this.#leaseEnd);
  }

  isOver(now: Moment): boolean {
    return !isBefore(now, this.#windowEnd);
  }

  /** Nothing of it is spent, or given back. */
  lose(): void {
    this.lost = true;
    this.ended = true;
  }

  renewed(asked: Moment): void {
    this.#leaseEnd = momentAfter(asked, PART_LEASE_MS - SPARE_MS);
  }
}

/** One call that was counted against a part. */
export interface PartTaken extends Taken {
  readonly part: HeldPart;
}

/** A counter under one maximum, of which calls come so often that this process holds parts of it. */
export class HeldCounter {
  readonly take: Take;
  readonly key: string;
  parts: HeldPart[] = [];
  /** A part is asked for, and the answer is not there yet. */
  asking = false;
  #pace: number | null = null;
  #pacedAt = 0;
  #seenAt: number;
  #refusedUntil = 0;

  constructor(take: Take, now: Moment) {
    this.take = take;
    this.key = takeKey(take);
    this.#seenAt = now.steady;
  }

  get left(): number {
    let left = 0;
    for (const part of this.parts) left += part.left;
    return left;
  }

  /** Counts one call against a part; null: there is none. */
  draw(take: Take, now: Moment): PartTaken | null {
    const part = this.parts.find((one) => one.left > 0 && one.isGood(now));
    if (part === undefined) return null;
    part.left -= 1;
    this.#seenAt = now.steady;
    return { take, windowStart: part.windowStart, part };
  }

  /** Whether the next part should be asked for. A call has just come. */
  wantsMore(now: Moment): boolean {
    const isBusy = this.#pace !== null || now.steady - this.#seenAt < BUSY_MS;
    this.#seenAt = now.steady;
    if (this.asking || !isBusy || now.steady < this.#refusedUntil) return false;
    return this.#pace === null || runsLow(this.#good(now), this.#pace);
  }

  /** How many calls to ask for now. */
  nextAsk(now: Moment): number {
    this.#pace = paceAfter(this.#pace, now.steady - this.#pacedAt, this.take.max);
    this.#pacedAt = now.steady;
    return Math.max(0, this.#pace - this.left);
  }

  refused(now: Moment): void {
    this.#refusedUntil = now.steady + REFUSED_MS;
  }

  isIdle(now: Moment): boolean {
    return !this.asking && now.steady - this.#seenAt >= IDLE_MS;
  }

  #good(now: Moment): number {
    let left = 0;
    for (const part of this.parts) if (part.isGood(now)) left += part.left;
    return left;
  }
}
