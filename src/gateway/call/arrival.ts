import type { Call } from '../../domain/call/call.ts';
import type { FullLimit } from '../../domain/policy/limit.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { Seat } from '../state/seat.ts';

/** A `tools/call` that passed the strict door. */
export interface Arrival {
  readonly call: Call;
  /** Its server's policy as it stands now; null: the server has none. */
  readonly policy: Policy | null;
  /** The request exactly as it came. */
  readonly bytes: Uint8Array;
  /** The JSON-RPC id, as JSON text. */
  readonly requestId: string;
  /** Path of the first value that a double, or UTF-8, cannot keep exactly; null when all are exact. */
  readonly inexact: string | null;
  /** The agent's own words on why, unverified. */
  readonly statedReason: string | null;
}

/** What is to be done with it. Each kind is one way to answer the agent. */
export type Handled =
  /** Relay the bytes. `notSent` gives the quota back if it turns out that nothing went out. */
  | { readonly kind: 'forward'; readonly notSent: (() => Promise<void>) | null }
  | { readonly kind: 'denied'; readonly reason: string }
  | { readonly kind: 'limited'; readonly full: FullLimit }
  /** A gated call that could be read in two ways. */
  | { readonly kind: 'inexact'; readonly path: string }
  | { readonly kind: 'crowded'; readonly pending: number }
  | { readonly kind: 'unavailable'; readonly part: string; readonly why: string }
  | { readonly kind: 'held'; readonly seat: Seat };
