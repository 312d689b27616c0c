import { type Kysely, sql } from 'kysely';
import type { Approval } from '../../domain/approval/approval.ts';
import { hiddenCount } from '../../domain/call/hidden-marks.ts';
import type { HiddenValues } from '../../domain/call/sent.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import type { LeftEvent, Seals } from '../../ports.ts';
import { writeEvents } from '../log/events.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Tables } from '../table/tables.ts';

/**
 * The caller has its answer. Once the last caller has, the kept result is deleted; where the answer may be replayed, it
 * is kept until `until`.
 */
export async function markCollected(
  db: Kysely<Tables>,
  seals: Seals,
  joiner: string,
  event: NewEvent,
  until?: Date,
): Promise<void> {
  const result = until === undefined ? sql`result = null, result_until = null` : sql`result_until = ${until}`;
  await db.transaction().execute(async (trx) => {
    const found = await sql<{ approval_id: string }>`
      update holdfast.joiners set collected_at = ${event.at}
      where id = ${joiner} and collected_at is null returning approval_id`.execute(trx);
    const approval = found.rows[0]?.approval_id;
    if (approval === undefined) return;
    await sql`
      update holdfast.approvals a set ${result}
      where a.id = ${approval} and a.state in ('succeeded', 'failed', 'denied', 'expired') and not exists (
        select 1 from holdfast.joiners j
        where j.approval_id = a.id and j.collected_at is null and j.left_at is null)`.execute(trx);
    await writeEvents(trx, seals, [event]);
  });
}

/** The caller may come back. Its seat is kept until it does, or until nothing is owed any more. */
export async function markAway(db: Kysely<Tables>, joiner: string, replica: string): Promise<void> {
  await sql`update holdfast.joiners set replica = null where id = ${joiner} and replica = ${replica}`.execute(db);
}

/** Every caller that this replica holds is away; used when it stops. */
export async function markAllAway(db: Kysely<Tables>, replica: string): Promise<void> {
  await sql`
    update holdfast.joiners set replica = null
    where replica = ${replica} and collected_at is null and left_at is null`.execute(db);
}

/** Which callers leave. Each server makes its own session ids, so two servers may have the same one. */
export type LeaveSelector =
  | { readonly joiner: string; readonly replica?: string }
  | { readonly server: string; readonly session: string; readonly requestId?: string };

/**
 * These callers cancelled. Each approval is returned as it is after they left. Its row is locked before theirs, in the
 * same order as everywhere else, so that leaving and joining at the same time do not deadlock.
 */
export async function markLeft(
  db: Kysely<Tables>,
  seals: Seals,
  by: LeaveSelector,
  event: LeftEvent,
): Promise<Approval[]> {
  return db.transaction().execute(async (trx) => {
    const affected = await sql<{ id: string; hidden: HiddenValues }>`
      select a.id, a.hidden from holdfast.approvals a where a.id in (
        select j.approval_id from holdfast.joiners j where ${isSelected(by)} and j.left_at is null and j.collected_at is null)
      ${'joiner' in by ? sql`` : sql`and a.server = ${by.server}`}
      order by a.id for update`.execute(trx);
    if (affected.rows.length === 0) return [];
    const left = await sql<{ approval_id: string }>`
      update holdfast.joiners j set left_at = clock_timestamp()
      where ${isSelected(by)} and j.left_at is null and j.collected_at is null
        and j.approval_id = any(${affected.rows.map((row) => row.id)}::text[])
      returning approval_id`.execute(trx);
    const ids = [...new Set(left.rows.map((row) => row.approval_id))];
    if (ids.length === 0) return [];
    await sql`
      update holdfast.approvals set revision = revision + 1, updated_at = clock_timestamp()
      where id = any(${ids}::text[])`.execute(trx);
    const hiding = new Set(affected.rows.filter(({ hidden }) => hiddenCount(hidden) > 0).map(({ id }) => id));
    const events = ids.map((id) => event(id, hiding.has(id)));
    await writeEvents(trx, seals, events);
    const found = await sql<ApprovalRow>`
      select ${APPROVAL} from holdfast.approvals a where a.id = any(${ids}::text[])`.execute(trx);
    return found.rows.map((row) => approvalOf(seals, row));
  });
}

/** Which of these requests of a session have a caller that has neither its answer nor left. */
export async function waitingRequests(
  db: Kysely<Tables>,
  by: { readonly server: string; readonly session: string; readonly requestIds: readonly string[] },
): Promise<string[]> {
  const found = await sql<{ request_id: string }>`
    select distinct j.request_id from holdfast.joiners j join holdfast.approvals a on a.id = j.approval_id
    where j.session = ${by.session} and j.request_id = any(${by.requestIds}::text[]) and a.server = ${by.server}
      and j.left_at is null and j.collected_at is null`.execute(db);
  return found.rows.map((row) => row.request_id);
}

function isSelected(by: LeaveSelector) {
  if ('joiner' in by) {
    const atReplica = by.replica === undefined ? sql`` : sql` and j.replica = ${by.replica}`;
    return sql`j.id = ${by.joiner}${atReplica}`;
  }
  const request = by.requestId === undefined ? sql`` : sql` and j.request_id = ${by.requestId}`;
  return sql`j.session = ${by.session}${request}`;
}

/** The approval whose answer this caller was sent after `since`, which perhaps nobody read; null: none. */
export async function collectedBy(
  db: Kysely<Tables>,
  seals: Seals,
  joiner: string,
  since: Date,
): Promise<Approval | null> {
  const found = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a join holdfast.joiners c on c.approval_id = a.id
    where c.id = ${joiner} and c.collected_at > ${since} and c.left_at is null`.execute(db);
  return found.rows[0] ? approvalOf(seals, found.rows[0]) : null;
}
