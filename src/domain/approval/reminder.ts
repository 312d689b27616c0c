import type { Approval, Escalation } from './approval.ts';

/** When the approvers of a pending approval are reminded: as its requirement says, else halfway to its expiry. */
export function remindAt({ createdAt, expiresAt, requirement }: Approval): Date {
  const half = (expiresAt.getTime() - createdAt.getTime()) / 2;
  return new Date(createdAt.getTime() + (requirement.remindMs ?? half));
}

/** When further approvers may decide; null: never. */
export function escalateAt({
  createdAt,
  requirement,
}: {
  readonly createdAt: Date;
  readonly requirement: { readonly escalate: Pick<Escalation, 'afterMs'> | null };
}): Date | null {
  return requirement.escalate === null ? null : new Date(createdAt.getTime() + requirement.escalate.afterMs);
}
