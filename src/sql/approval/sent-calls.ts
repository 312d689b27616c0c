import { sql } from 'kysely';
import type { Requirement } from '../../domain/approval/approval.ts';
import type { Seals, SentCall } from '../../ports.ts';
import { breathe } from '../../time/breathe.ts';
import { type ApprovalRow, frozenOf, stateTerms } from '../table/approval-row.ts';
import { frozenText, stateText } from '../table/sealed-rows.ts';
import type { Db } from '../table/tables.ts';

/** Calls that one statement reads. */
const AT_ONCE = 500;

/** What the two seals cover, without what is shown of the call, which the first one covers by its digest. */
const SENT =
  sql.raw(`id, state, revision, state_revision, state_seal, pickup_until, awaits, questions, server, tool, grant_name,
  owner, self_approval, fingerprint, requirement::text as requirement, answers_to, asked, stated_reason, previous_unknown, counter_of,
  policy_digest, created_at, expires_at, shown_digest, frozen_seal`);

/** What is asked of calls that were sent. Votes, arguments and bytes are not read, however long they are. */
export async function sentCalls(db: Db, seals: Seals, ids: readonly string[]): Promise<SentCall[]> {
  const calls: SentCall[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    if (from > 0) await breathe();
    const found = await sql<ApprovalRow>`
      select ${SENT} from holdfast.approvals where id = any(${ids.slice(from, from + AT_ONCE)}::text[])`.execute(db);
    calls.push(...found.rows.map((row) => sentCallOf(seals, row)));
  }
  return calls;
}

function sentCallOf(seals: Seals, row: ApprovalRow): SentCall {
  const { id, state, state_revision, awaits, questions, answers_to, requirement, shown_digest } = row;
  const believed =
    shown_digest !== null &&
    state_revision <= row.revision &&
    seals.fits('approval', frozenText(frozenOf(row, shown_digest)), row.frozen_seal) &&
    seals.fits('state', stateText(id, state, state_revision, stateTerms(row)), row.state_seal);
  const { answers } = JSON.parse(requirement) as Requirement;
  return { id, state, awaits, questions, answersTo: answers_to, strict: answers === 'ask', believed };
}
