import type { Approval } from '../domain/approval/approval.ts';
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

/** An approval to be opened: everything but what the store itself sets. */
export interface NewApproval {
  readonly approval: Omit<
    Approval,
    | 'state'
    | 'revision'
    | 'decisions'
    | 'callers'
    | 'gaveUp'
    | 'updatedAt'
    | 'previousUnknown'
    | 'laterReasons'
    | 'remindedAt'
    | 'escalatedAt'
    | 'awaits'
    | 'questions'
    | 'answers'
    | 'broken'
    | 'seal'
  >;
  /** The request's bytes, sealed. */
  readonly request: Uint8Array;
  /** The key under which the log tells of the call, wrapped; absent: it tells of it in the clear. */
  readonly erasable?: Uint8Array;
  /** Fingerprints of the same call by older secrets, so that identical calls still meet after a rotation. */
  readonly olderFingerprints: readonly string[];
  /**
   * Where the call answers a server's question: the fingerprints of the same call whatever it answers. If that one runs
   * already, the caller joins it instead of asking for it once more; it never joins one that could still be sent.
   */
  readonly rounds?: readonly string[];
  /**
   * The call is a leg: it answers what the server of `answersTo` asked, which must still wait for an answer. That call
   * then waits until `until` at least.
   */
  readonly leg?: { readonly until: Date; readonly now: Date };
}

/** A caller that waits for an approval, or has still to collect its answer. */
export interface NewJoiner {
  readonly id: string;
  readonly session: string | null;
  /** The JSON-RPC id, as JSON text. */
  readonly requestId: string;
  /** The replica that holds its socket. */
  readonly replica: string;
  /**
   * It has waited long enough for another caller's answer to arrive or to be lost: `settling` is not returned any more.
   */
  readonly impatient?: boolean;
}

export type Opened =
  /** A new approval, pending. `nth`: how many the grant has opened in the last minute, with this one. */
  | { readonly kind: 'opened'; readonly approval: Approval; readonly joiner: string; readonly nth: number }
  /** An identical call was already parked, approved or under way. */
  | { readonly kind: 'joined'; readonly approval: Approval; readonly joiner: string }
  /** It ended while this caller was away; the caller gets what it is still owed. */
  | { readonly kind: 'owed'; readonly approval: Approval; readonly joiner: string }
  /** An identical call has just ended, and it is not known yet whether its caller got the answer: try again soon. */
  | { readonly kind: 'settling' }
  /** The server no longer waits for what this leg answers. */
  | { readonly kind: 'unasked' }
  /** Nothing was opened or joined, and nothing counts. */
  | NoOpening;
