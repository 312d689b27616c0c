import type { Approval } from '../domain/approval/approval.ts';

/** What time or a lost message left behind, for the sweep. */
export interface LeftoverStore {
  /** What was left behind by time or by a lost message, for the sweep. */
  overdue(
    now: Date,
    limit: number,
  ): Promise<{
    /** Pending past their time, approved past pickup, dispatched past their lease. */
    readonly late: readonly Approval[];
    /** Pending or approved, although every caller has left: whoever was to withdraw them did not get to it. */
    readonly abandoned: readonly Approval[];
    /** Pending or approved, although their grant was revoked after they were opened. */
    readonly revoked: readonly Approval[];
    /** Every pending one, to be compared with the queue. */
    readonly parked: readonly { id: string; expiresAt: Date }[];
    /** Legs that are pending or approved, although the server no longer waits for what they answer. */
    readonly moot: readonly Approval[];
    /** Legs that are pending or approved, and whose answers were held by processes that have died. */
    readonly orphaned: readonly Approval[];
    /** Approvals whose card shows an older revision, or tells of no freeze or another one; grants take turns. */
    readonly stale: readonly string[];
  }>;
  /** Pending approvals whose approvers are due a reminder, or whose further approvers are due to be asked. */
  unreminded(now: Date, limit: number): Promise<readonly Approval[]>;
  /** Whether the caller may send this notice now: true for one caller of all replicas in `ms`. */
  claimNotice(notice: string, ms: number): Promise<boolean>;
  /** It was not sent after all: the next caller may send it. */
  releaseNotice(notice: string): Promise<void>;
  /** Deletes results past their time, and what counts for limits and is over by `over`, the clock that is behind. */
  forget(now: Date, over: Date): Promise<number>;
}
