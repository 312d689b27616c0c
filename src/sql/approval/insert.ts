import type { Transaction } from 'kysely';
import type { Json } from '../../domain/json/json.ts';
import type { NewApproval, Seals } from '../../ports.ts';
import { frozenText, reasonsText, shownDigest, stateText } from '../table/sealed-rows.ts';
import type { Tables } from '../table/tables.ts';

/** `previousUnknown`: an earlier approval of the same call whose outcome is unknown. */
export async function insertApproval(
  trx: Transaction<Tables>,
  seals: Seals,
  { approval, request }: NewApproval,
  previousUnknown: string | null,
): Promise<void> {
  const { id, createdAt, expiresAt, pickupUntil } = approval;
  const texts = {
    requirement: JSON.stringify(approval.requirement),
    arguments: JSON.stringify(approval.arguments),
    sent: JSON.stringify(approval.sent),
    hidden: JSON.stringify(approval.hidden),
    trace: JSON.stringify(approval.trace),
    asked: approval.asked === null ? null : JSON.stringify(approval.asked),
  };
  const shown = shownDigest(seals, texts);
  const asked = texts.asked === null ? null : (JSON.parse(texts.asked) as Json);
  const frozen = frozenText({ ...approval, previousUnknown, requirement: texts.requirement, asked, shown });
  await trx
    .insertInto('holdfast.approvals')
    .values({
      id,
      state: 'pending',
      revision: 1,
      server: approval.server,
      tool: approval.tool,
      grant_name: approval.grant,
      owner: approval.owner,
      self_approval: approval.selfApproval,
      fingerprint: approval.fingerprint,
      requirement: texts.requirement,
      arguments: texts.arguments,
      sent: texts.sent,
      hidden: texts.hidden,
      answers_to: approval.answersTo,
      asked: texts.asked,
      trace: texts.trace,
      stated_reason: approval.statedReason,
      previous_unknown: previousUnknown,
      policy_digest: approval.policyDigest,
      request,
      created_at: createdAt,
      expires_at: expiresAt,
      pickup_until: pickupUntil,
      lease_until: approval.leaseUntil,
      note: approval.note,
      shown_digest: shown,
      frozen_seal: seals.seal('approval', frozen),
      state_revision: 1,
      state_seal: seals.seal('state', stateText(id, 'pending', 1, { pickupUntil, awaits: null, questions: 0 })),
      reasons_seal: seals.seal('reasons', reasonsText(id, [])),
      updated_at: createdAt,
    })
    .execute();
}
