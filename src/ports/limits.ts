import type { NewEvent } from '../domain/log/event.ts';
import type { FullLimit, Take, Taken } from '../domain/policy/limit.ts';

export type Admission =
  | { readonly kind: 'admitted'; readonly taken: readonly Taken[] }
  | { readonly kind: 'full'; readonly full: FullLimit }
  /** A freeze stops it; nothing was taken. */
  | { readonly kind: 'frozen' };

/** Counters of limits. */
export interface LimitStore {
  /** Takes from all counters, and writes the event with them, or from none. */
  admit(takes: readonly Take[], event: NewEvent): Promise<Admission>;
  /** The first of these counters that has no room now; null: all have. Takes nothing. */
  peek(takes: readonly Take[]): Promise<FullLimit | null>;
  /** Gives back what `admit` took, to the same windows only, and writes the event. */
  refund(taken: readonly Taken[], event: NewEvent): Promise<void>;
}
