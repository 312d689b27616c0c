import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { Approval, State } from '../../domain/approval/approval.ts';
import { hiddenCount } from '../../domain/call/hidden-marks.ts';
import type { HiddenValues } from '../../domain/call/sent.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import type { Cancelled, LeftEvent, Parting, Seals } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { tookAll, writeRows } from '../connection/not-taken.ts';
import { eventRow, insertEvents, LOGGED, type LoggedPart, rememberLogged, writeEvents } from '../log/events.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Tables } from '../table/tables.ts';

type Trx = Transaction<Tables>;

/**
 * The caller has its answer, unless its client gave up before: what was written then, nobody may have read. Once the last caller has, the kept result is deleted; where the answer may be replayed, it
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
  const rows = [eventRow(seals, event)];
  const collecting = sql<LoggedPart>`${KEPT_PLAN}
    with collected as (
      update holdfast.joiners set collected_at = ${event.at}::timestamptz
      where id = ${joiner} and collected_at is null and gave_up_at is null returning approval_id
    ), emptied as (
      update holdfast.approvals a set ${result} from collected
      where a.id = collected.approval_id and a.state in ('succeeded', 'failed', 'denied', 'expired') and not exists (
        select 1 from holdfast.joiners j
        where j.approval_id = a.id and j.id <> ${joiner} and j.collected_at is null and j.left_at is null)
    ), logged as (${insertEvents(rows, sql`collected`)} returning n)
    select ${LOGGED}, ${tookAll('events', sql`select count(*) from logged`, sql`select count(*) from collected`)}`;
  const collected = await collecting.execute(db);
  rememberLogged(db, rows, collected.rows[0]!);
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

/** Which callers stop waiting. Each server makes its own session ids, so two servers may have the same one. */
export type PartingCallers =
  | { readonly joiner: string; readonly replica?: string }
  | { readonly server: string; readonly session: string; readonly requestId?: string };

/** Once a call was sent, its outcome belongs to whoever comes back for it. */
const SENT: readonly State[] = ['dispatched', 'succeeded', 'failed', 'unknown'];

interface PartingRow {
  readonly id: string;
  readonly state: State;
  readonly hidden: HiddenValues;
  readonly answers_to: string | null;
  readonly joiner: string;
}

/** What became of one approval's callers. */
export interface Parted {
  readonly approval: Approval;
  readonly parting: Parting;
}

/**
 * These callers want their call no longer. Each approval is returned as it is after they left. Whoever names a seat gives
 * it up whatever has become of the call; of a session's callers, those whose call was sent keep theirs.
 */
export function markLeft(
  db: Kysely<Tables>,
  seals: Seals,
  by: Exclude<PartingCallers, { readonly requestId: string }>,
  event: LeftEvent,
): Promise<Parted[]> {
  return db.transaction().execute(async (trx) => {
    const rows = await lockParting(trx, isSelected(by), 'joiner' in by ? null : by.server);
    const parting = (row: PartingRow): Parting => ('joiner' in by || !isSent(row) ? 'left' : 'sent');
    return part(trx, seals, rows, parting, event);
  });
}

/** A client cancelled one request of its session. */
export function markCancelled(
  db: Kysely<Tables>,
  seals: Seals,
  by: { readonly server: string; readonly session: string; readonly requestId: string },
  gaveUp: boolean,
  event: LeftEvent,
): Promise<Cancelled> {
  return db.transaction().execute(async (trx): Promise<Cancelled> => {
    const rows = await lockParting(trx, isSelected(by), by.server);
    // Some clients give every request the same id: which of them is meant, nobody can say.
    if (rows.length > 1) return { kind: 'unclear', approvals: [...new Set(rows.map(({ id }) => id))] };
    const parting = (row: PartingRow): Parting =>
      isSent(row) ? 'sent' : gaveUp && row.answers_to === null ? 'gave_up' : 'left';
    const [parted] = await part(trx, seals, rows, parting, event);
    return parted === undefined ? { kind: 'none' } : { kind: parted.parting, approval: parted.approval };
  });
}

/** Callers of pending approvals whose clients gave up more than `ms` ago, and that have not come back, leave. */
export function markForsaken(
  db: Kysely<Tables>,
  seals: Seals,
  ms: number,
  limit: number,
  event: LeftEvent,
): Promise<Parted[]> {
  return db.transaction().execute(async (trx) => {
    const over = sql`j.gave_up_at <= clock_timestamp() - ${ms} * interval '1 ms' and j.approval_id in (
      select a.id from holdfast.approvals a join holdfast.joiners g on g.approval_id = a.id
      where a.state = 'pending' and g.left_at is null and g.collected_at is null
        and g.gave_up_at <= clock_timestamp() - ${ms} * interval '1 ms'
      order by a.id limit ${limit})`;
    const rows = await lockParting(trx, over, null);
    return part(
      trx,
      seals,
      rows.filter(({ state }) => state === 'pending'),
      () => 'left',
      event,
    );
  });
}

function isSent({ state, answers_to }: PartingRow): boolean {
  return answers_to === null && SENT.includes(state);
}

/**
 * The callers `j` that fit, with their approvals, whose rows are locked before theirs and in the same order as everywhere
 * else, so that leaving and joining at the same time do not deadlock.
 */
async function lockParting(trx: Trx, which: RawBuilder<unknown>, server: string | null): Promise<PartingRow[]> {
  const open = sql`j.left_at is null and j.collected_at is null`;
  const locked = await sql<{ id: string }>`
    select a.id from holdfast.approvals a
    where a.id in (select j.approval_id from holdfast.joiners j where ${which} and ${open})
    ${server === null ? sql`` : sql`and a.server = ${server}`}
    order by a.id for update`.execute(trx);
  if (locked.rows.length === 0) return [];
  const found = await sql<PartingRow>`
    select a.id, a.state, a.hidden, a.answers_to, j.id as joiner from holdfast.approvals a
    join holdfast.joiners j on j.approval_id = a.id
    where a.id = any(${locked.rows.map(({ id }) => id)}::text[]) and ${which} and ${open}
    order by a.id, j.id`.execute(trx);
  return found.rows;
}

async function part(
  trx: Trx,
  seals: Seals,
  rows: readonly PartingRow[],
  partingOf: (row: PartingRow) => Parting,
  event: LeftEvent,
): Promise<Parted[]> {
  if (rows.length === 0) return [];
  const partings = new Map(rows.map((row) => [row.id, partingOf(row)]));
  const leaving = rows.filter(({ id }) => partings.get(id) === 'left').map(({ joiner }) => joiner);
  const staying = rows.filter(({ id }) => partings.get(id) !== 'left').map(({ joiner }) => joiner);
  const leave = sql`update holdfast.joiners set left_at = clock_timestamp() where id = any(${leaving}::text[])`;
  if (leaving.length > 0) await writeRows(trx, 'joiners', leaving.length, leave);
  const stay = sql`
    update holdfast.joiners set replica = null, gave_up_at = clock_timestamp() where id = any(${staying}::text[])`;
  if (staying.length > 0) await writeRows(trx, 'joiners', staying.length, stay);
  const ids = [...partings.keys()];
  const change = sql`
    update holdfast.approvals set revision = revision + 1, updated_at = clock_timestamp()
    where id = any(${ids}::text[])`;
  await writeRows(trx, 'approvals', ids.length, change);
  const hiding = new Set(rows.filter(({ hidden }) => hiddenCount(hidden) > 0).map(({ id }) => id));
  await writeEvents(
    trx,
    seals,
    ids.map((id) => event(id, hiding.has(id), partings.get(id)!)),
  );
  const found = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a where a.id = any(${ids}::text[])`.execute(trx);
  return found.rows.map((row) => ({ approval: approvalOf(seals, row), parting: partings.get(row.id)! }));
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

function isSelected(by: PartingCallers): RawBuilder<unknown> {
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
