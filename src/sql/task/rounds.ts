import { type Kysely, sql } from 'kysely';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Reseating, Seals } from '../../ports.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Tables } from '../table/tables.ts';

/** The caller is away, and has to name this round when it comes back. */
export async function nextRound(db: Kysely<Tables>, joiner: string): Promise<number> {
  const found = await sql<{ round: number }>`
    update holdfast.joiners set replica = null, round = round + 1 where id = ${joiner} returning round`.execute(db);
  return found.rows[0]?.round ?? 0;
}

/**
 * A caller goes on elsewhere, in its own seat. The round is compared and bumped in one statement: each is good once. Whose
 * client gave up does not: its transport may resume the stream all the same, and nobody reads it.
 */
export async function reseat(db: Kysely<Tables>, seals: Seals, reseating: Reseating): Promise<Approval | null> {
  const { joiner, replica, session, requestId, round } = reseating;
  const rightRound = round === null ? sql`true` : sql`round = ${round}`;
  const nextRound = round === null ? sql`round` : sql`round + 1`;
  const reseated = await sql<{ approval_id: string }>`
    update holdfast.joiners set replica = ${replica}, session = ${session}, request_id = ${requestId},
      round = ${nextRound}
    where id = ${joiner} and collected_at is null and left_at is null and gave_up_at is null and ${rightRound}
    returning approval_id`.execute(db);
  const approval = reseated.rows[0]?.approval_id;
  if (approval === undefined) return null;
  const found = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a where a.id = ${approval}`.execute(db);
  return found.rows[0] ? approvalOf(seals, found.rows[0]) : null;
}
