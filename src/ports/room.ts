import type { OpeningRate } from '../domain/approval/openings.ts';
import type { FullLimit } from '../domain/policy/limit.ts';

/** What one grant may ask of its approvers and keep here, over all replicas. */
export interface GrantRoom {
  /** Pending approvals at a time. */
  readonly maxPending: number;
  /** Approvals opened. Joining one that exists does not count. */
  readonly openings: OpeningRate;
  /** Bytes of requests and results that are kept for it. */
  readonly keptBytes: number;
  /** Nothing may be opened now, only joined: a limit of the policy is full. */
  readonly closed?: boolean;
}

/** Why a grant's call can neither open an approval nor join one. */
export type NoOpening =
  /** The grant has as many pending approvals as it may have. */
  | { readonly kind: 'crowded'; readonly pending: number }
  /** The grant has opened as many as it may for now. */
  | { readonly kind: 'paced'; readonly full: FullLimit }
  /** `kept`: bytes that are kept for the grant; `asked`: those of this call, null where it would only have joined. */
  | { readonly kind: 'heavy'; readonly kept: number; readonly asked: number | null; readonly most: number }
  /** Too many callers; `of`: at this approval or at all of the grant's at a time, or at this approval in a minute. */
  | { readonly kind: 'overjoined'; readonly of: 'approval' | 'grant' | 'minute'; readonly most: number };
