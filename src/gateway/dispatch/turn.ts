import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import type { FullLimit } from '../../domain/policy/limit.ts';

/** What a waiting caller is to do next, or is told. */
export type Turn =
  /** This caller has spent the pass: it sends the call now and records how it ended. */
  | { readonly kind: 'dispatch'; readonly dispatch: Dispatch }
  /** Another caller's dispatch ended. `response`: the kept answer, a JSON-RPC response. */
  | { readonly kind: 'result'; readonly approval: Approval; readonly response: Uint8Array }
  /**
   * The server asks back before it goes on. `response`: its question, a JSON-RPC response; the first answer continues
   * the call.
   */
  | { readonly kind: 'question'; readonly approval: Approval; readonly response: Uint8Array }
  /**
   * Over without an answer to pass on: denied, expired, withdrawn, lapsed, unknown, or its result is no longer kept.
   */
  | { readonly kind: 'over'; readonly approval: Approval }
  /** Approved, but a limit is full; the pass stays. */
  | { readonly kind: 'full'; readonly approval: Approval; readonly full: FullLimit }
  /** Approved, but frozen, and this caller can wait no longer; the pass stays, and its time runs. */
  | { readonly kind: 'frozen'; readonly approval: Approval; readonly freeze: Freeze }
  /**
   * Approved, but it cannot be spent now, and the pass stays: an alarm stands, nothing outside the
   * database can record that it is sent, or whether the approvers may still approve
   * cannot be checked.
   */
  | {
      readonly kind: 'unsure';
      readonly approval: Approval;
      readonly part: 'alarm' | 'approvers' | 'witness';
      readonly why: string;
    }
  /** Still undecided, or under way, when this caller could wait no longer. */
  | { readonly kind: 'pending'; readonly approval: Approval }
  /** The caller is gone. */
  | { readonly kind: 'gone'; readonly approval: Approval };
