import type { Approval, Approver } from './approval.ts';
import type { CurrentApprovers } from './current.ts';
import { isOwner } from './quorum.ts';

/** Counter-proposals to counter-proposals, with the first. */
export const MOST_COUNTERS_IN_A_ROW = 5;

/** Why nobody, or this person, can propose another call in place of this one; null: it can be done. */
export type CounterRefusal = 'counter_owner' | 'no_counter';

/** Whether something can be proposed in place of this call at all: it answers no question, and not too many were proposed before. */
export function takesCounter({ answersTo, counterOf }: Pick<Approval, 'answersTo' | 'counterOf'>): boolean {
  return answersTo === null && (counterOf?.depth ?? 0) < MOST_COUNTERS_IN_A_ROW;
}

/**
 * Whether a denial may carry another call. Whether the person may deny is judged by `judgeDecision`; the owner of the calling
 * grant may, and still must not choose what his agent does, whoever has to agree to it.
 */
export function judgeCounter(
  approval: Pick<Approval, 'answersTo' | 'counterOf' | 'owner'>,
  approver: Pick<Approver, 'id'>,
  current: Pick<CurrentApprovers, 'owner' | 'persons'>,
): CounterRefusal | null {
  if (isOwner(approval, approver, current)) return 'counter_owner';
  return takesCounter(approval) ? null : 'no_counter';
}
