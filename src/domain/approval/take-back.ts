import type { Approval, Approver, State } from './approval.ts';
import type { CurrentApprovers } from './current.ts';
import { eligibility, isOwner } from './quorum.ts';

/** What a person says who takes an approved, unspent pass back. */
export interface TakeBackRequest {
  readonly reason: string | null;
  /** As in `DecisionRequest`. */
  readonly fingerprint: string | null;
}

export type TakeBackRefusal = 'not_approved' | 'not_an_approver' | 'other_call' | 'reason_required';

export type TakeBackJudgement =
  | { readonly kind: 'refused'; readonly reason: TakeBackRefusal; readonly state: State }
  | { readonly kind: 'taken_back'; readonly reason: string | null };

/**
 * Whether a person may take back the yes that nobody has used yet: whoever may approve the call, and the owner of the
 * calling grant. Pure; the caller commits it by compare-and-swap, and asks again on a conflict.
 *
 * | approval | becomes |
 * |---|---|
 * | approved, in time | lapsed |
 * | approved, past `pickupUntil` | refused: not_approved (the job that ends it may be late, the deadline is not) |
 * | anything else | refused: not_approved |
 */
export function judgeTakeBack(
  approval: Approval,
  word: TakeBackRequest,
  approver: Approver,
  now: Date,
  current: CurrentApprovers,
): TakeBackJudgement {
  const refuse = (reason: TakeBackRefusal) => ({ kind: 'refused', reason, state: approval.state }) as const;
  const { state, pickupUntil, fingerprint } = approval;
  if (state !== 'approved' || (pickupUntil !== null && now >= pickupUntil)) return refuse('not_approved');
  if (word.fingerprint !== null && !fingerprint.startsWith(word.fingerprint)) return refuse('other_call');
  if (!mayTakeBack(approval, approver, now, current)) return refuse('not_an_approver');
  const reason = word.reason?.trim() ? word.reason.trim() : null;
  if (approval.requirement.denyReason === 'required' && reason === null) return refuse('reason_required');
  return { kind: 'taken_back', reason };
}

/** Whoever may approve it, and the owner of the calling grant. */
export function mayTakeBack(approval: Approval, approver: Approver, now: Date, current: CurrentApprovers): boolean {
  return isOwner(approval, approver, current) || eligibility(approval, approver, now, current).kind === 'eligible';
}

/** Whose yes was taken back by whom, and why, as it is read from the note of a lapsed approval. */
export interface TakenBack {
  readonly by: string;
  readonly reason: string | null;
}

/** What such a note begins with, and no other. */
export const TAKEN_BACK_PREFIX = 'taken back by ';

const TAKEN_BACK = /^taken back by ([A-Za-z0-9_.@-]{1,200})(?:: ([\s\S]*))?$/;

/** The note of an approval whose yes was taken back. */
export function takenBackNote({ by, reason }: TakenBack): string {
  return `${TAKEN_BACK_PREFIX}${by}${reason === null ? '' : `: ${reason}`}`;
}

/** Who took the yes back; null: it lapsed for another reason. */
export function yesTakenBack({ state, note }: Pick<Approval, 'state' | 'note'>): TakenBack | null {
  const found = state === 'lapsed' && note !== null ? TAKEN_BACK.exec(note) : null;
  return found === null ? null : { by: found[1]!, reason: found[2] ?? null };
}
