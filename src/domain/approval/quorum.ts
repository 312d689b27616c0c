import type { Approval, Approver, Decision } from './approval.ts';
import { escalateAt } from './reminder.ts';

export type Eligibility =
  | { readonly kind: 'eligible'; readonly self: boolean; readonly userGroup: string | null }
  | { readonly kind: 'refused'; readonly reason: 'not_an_approver' | 'own_call' };

/**
 * Whether this person's decision counts for this approval. The owner of the calling grant never counts, unless the
 * grant has `self_approval`; then the vote is marked. (They may deny: that is judged in decide.ts.) Escalation adds approvers from its time on and removes none.
 */
export function eligibility(approval: Approval, approver: Approver, now: Date): Eligibility {
  const { requirement } = approval;
  const late = requirement.escalate;
  const from = escalateAt(approval);
  const admitted = [requirement, ...(late !== null && from !== null && now >= from ? [late] : [])];

  const named = admitted.some((circle) =>
    approver.id === 'admin' ? circle.admin : circle.people.includes(approver.id),
  );
  const userGroup = named
    ? null
    : (admitted.flatMap((circle) => circle.userGroups).find((group) => approver.userGroups.includes(group)) ?? null);
  if (!named && userGroup === null) return { kind: 'refused', reason: 'not_an_approver' };

  const own = isOwner(approval, approver);
  if (own && !approval.selfApproval) return { kind: 'refused', reason: 'own_call' };
  return { kind: 'eligible', self: own, userGroup };
}

/** Whether the calling agent works for this person. */
export function isOwner({ owner }: Pick<Approval, 'owner'>, { id }: Pick<Approver, 'id'>): boolean {
  return owner !== null && owner === id;
}

/** How many distinct people have approved. */
export function approvalsCounted(decisions: readonly Decision[]): number {
  return new Set(decisions.filter((d) => d.choice === 'approve').map((d) => d.approver)).size;
}
