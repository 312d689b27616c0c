import type { Transaction } from 'kysely';
import type { NewApproval } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

/** `previousUnknown`: an earlier approval of the same call whose outcome is unknown. */
export async function insertApproval(
  trx: Transaction<Tables>,
  { approval, request }: NewApproval,
  previousUnknown: string | null,
): Promise<void> {
  await trx
    .insertInto('holdfast.approvals')
    .values({
      id: approval.id,
      state: 'pending',
      revision: 1,
      server: approval.server,
      tool: approval.tool,
      grant_name: approval.grant,
      owner: approval.owner,
      self_approval: approval.selfApproval,
      fingerprint: approval.fingerprint,
      requirement: JSON.stringify(approval.requirement),
      arguments: JSON.stringify(approval.arguments),
      sent: JSON.stringify(approval.sent),
      hidden: JSON.stringify(approval.hidden),
      answers_to: approval.answersTo,
      asked: approval.asked === null ? null : JSON.stringify(approval.asked),
      trace: JSON.stringify(approval.trace),
      stated_reason: approval.statedReason,
      previous_unknown: previousUnknown,
      policy_digest: approval.policyDigest,
      request,
      created_at: approval.createdAt,
      expires_at: approval.expiresAt,
      pickup_until: approval.pickupUntil,
      lease_until: approval.leaseUntil,
      note: approval.note,
      updated_at: approval.createdAt,
    })
    .execute();
}
