import type { Freeze } from '../domain/freeze/freeze.ts';
import type { NewEvent } from '../domain/log/event.ts';

/** How a freeze was set. `concerned`: pending and approved approvals under it, whose cards have to tell of it. */
export type FreezeSet =
  | { readonly kind: 'set'; readonly concerned: readonly string[] }
  /** The scope is frozen already, by this one. */
  | { readonly kind: 'exists'; readonly freeze: Freeze }
  /** As many are in force as may be. */
  | { readonly kind: 'crowded' };

export type FreezeLifted =
  | { readonly kind: 'lifted'; readonly freeze: Freeze; readonly concerned: readonly string[] }
  /** It was lifted before. */
  | { readonly kind: 'already'; readonly freeze: Freeze; readonly liftedAt: Date; readonly liftedBy: string }
  | { readonly kind: 'not_found' };

/** Who lifts a freeze, and why. */
export interface FreezeLifting {
  readonly by: string;
  readonly at: Date;
  readonly reason: string;
}

/** Approvals that a freeze keeps from running. */
export interface HeldByFreeze {
  readonly pending: number;
  readonly approved: number;
}

/**
 * The freezes, in SQL with their events. Once `set` resolves, no pass under it is spent by anybody. Throws
 * `Unavailable('store')`.
 */
export interface Freezes {
  /** Those in force, oldest first. */
  list(): Promise<readonly Freeze[]>;
  /** What waits under each freeze in force, by its id: exact counts. A freeze under which nothing waits is missing. */
  held(): Promise<ReadonlyMap<string, HeldByFreeze>>;
  set(freeze: Freeze, event: NewEvent): Promise<FreezeSet>;
  lift(id: string, lifting: FreezeLifting, event: (freeze: Freeze) => NewEvent): Promise<FreezeLifted>;
}
