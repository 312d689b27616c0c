import type { Taken } from '../policy/limit.ts';
import type { Approval } from './approval.ts';

/** A pass that this process has spent. `finish` must end it, exactly once. */
export interface Dispatch {
  readonly approval: Approval;
  /** Identifies this dispatch among all that the approval may have had. */
  readonly by: string;
  /** What it took from the limits; given back if nothing was sent. */
  readonly taken: readonly Taken[];
  readonly startedAt: Date;
  /**
   * Set when it continues a call that was sent before: it can never end as `not_sent`. `until`: the question expires.
   */
  readonly continues?: { readonly until: Date };
  /** Set when it sends a leg: the dispatch of the call that goes on with it, and the caller's seat there, if it needs one. */
  readonly parent?: { readonly dispatch: Dispatch; readonly joiner: string | null } | null;
}

/** How a dispatch ended. */
export type Outcome =
  /** The upstream's JSON-RPC response as it came. `failed`: it is an error, or a tool result with `isError`. */
  | { readonly kind: 'returned'; readonly response: Uint8Array; readonly failed: boolean; readonly note?: string }
  /** Provably nothing reached the upstream: the pass is given back. */
  | { readonly kind: 'not_sent'; readonly why: string }
  /** Nobody knows what the upstream did. */
  | { readonly kind: 'unknown'; readonly why: string };
