import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { FullLimit } from '../../domain/policy/limit.ts';

/** What a waiting caller is to do or to hear next. */
export type Turn =
  /** This caller won the pass: send the call now, and say how it ended. */
  | { readonly kind: 'dispatch'; readonly dispatch: Dispatch }
  /** Another caller's dispatch ended; this is its kept answer, a JSON-RPC response. */
  | { readonly kind: 'result'; readonly approval: Approval; readonly response: Uint8Array }
  /** The server asks before it goes on: its question, a JSON-RPC response. Whoever answers first lets the call go on. */
  | { readonly kind: 'question'; readonly approval: Approval; readonly response: Uint8Array }
  /** It is over without an answer to hand on: denied, expired, withdrawn, lapsed, unknown, or its result was let go. */
  | { readonly kind: 'over'; readonly approval: Approval }
  /** Approved, but a limit has no room; the pass stays. */
  | { readonly kind: 'full'; readonly approval: Approval; readonly full: FullLimit }
  /** Approved, but whether the approvers still may cannot be known now; the pass stays. */
  | { readonly kind: 'unsure'; readonly approval: Approval; readonly why: string }
  /** Still undecided, or under way, when this caller could wait no longer. */
  | { readonly kind: 'pending'; readonly approval: Approval }
  /** Nobody listens any more. */
  | { readonly kind: 'gone'; readonly approval: Approval };
