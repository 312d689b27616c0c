import { type Kysely, sql } from 'kysely';
import type { Approval } from '../../domain/approval.ts';
import type { Reseating } from '../../ports.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Tables } from '../table/tables.ts';

/** Away, and due back with this round. */
export async function nextRound(db: Kysely<Tables>, joiner: string): Promise<number> {
  const found = await sql<{ round: number }>`
    update holdfast.joiners set replica = null, round = round + 1 where id = ${joiner} returning round`.execute(db);
  return found.rows[0]?.round ?? 0;
}

/** A caller goes on elsewhere. The round is compared and bumped in one statement: each is good once. */
export async function reseat(db: Kysely<Tables>, place: Reseating): Promise<Approval | null> {
  const round = place.round === null ? sql`true` : sql`round = ${place.round}`;
  const bump = place.round === null ? sql`round` : sql`round + 1`;
  const seated = await sql<{ approval_id: string }>`
    update holdfast.joiners set replica = ${place.replica}, session = ${place.session}, request_id = ${place.requestId},
      round = ${bump}
    where id = ${place.joiner} and collected_at is null and left_at is null and ${round}
    returning approval_id`.execute(db);
  const approval = seated.rows[0]?.approval_id;
  if (approval === undefined) return null;
  const found = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a where a.id = ${approval}`.execute(db);
  return found.rows[0] ? approvalOf(found.rows[0]) : null;
}

export async function nameClient(db: Kysely<Tables>, session: string, server: string, client: string): Promise<void> {
  await sql`
    update holdfast.sessions set client = ${client} where id = ${session} and server = ${server}`.execute(db);
}

export async function clientOf(db: Kysely<Tables>, session: string, server: string): Promise<string | null> {
  const found = await sql<{ client: string | null }>`
    select client from holdfast.sessions where id = ${session} and server = ${server}`.execute(db);
  return found.rows[0]?.client ?? null;
}

/** Whose answer the socket took, and perhaps nobody read. */
export async function collectedBy(db: Kysely<Tables>, joiner: string, since: Date): Promise<Approval | null> {
  const found = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a join holdfast.joiners c on c.approval_id = a.id
    where c.id = ${joiner} and c.collected_at > ${since} and c.left_at is null`.execute(db);
  return found.rows[0] ? approvalOf(found.rows[0]) : null;
}
