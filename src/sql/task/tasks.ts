import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Seals, Task, TaskChange, TaskPhase, TaskStore } from '../../ports.ts';
import { requireTaken, writeRows } from '../connection/not-taken.ts';
import type { SealedTables } from '../table/sealed-tables.ts';
import type { Tables } from '../table/tables.ts';
import { forgetStates } from './issued-states.ts';

interface TaskRow {
  id: string;
  approval_id: string;
  joiner_id: string;
  grant_name: string;
  server: string;
  era: 'legacy' | 'modern';
  phase: TaskPhase;
  outcome: Task['outcome'];
  note: string | null;
  created_at: Date;
  updated_at: Date;
  expires_at: Date;
  leg_id: string | null;
  leg_joiner: string | null;
  seal: string | null;
}

/** The columns of a `TaskRow` of task `t`. */
const TASK: RawBuilder<unknown> = sql.raw(
  `t.id, t.approval_id, t.joiner_id, t.grant_name, t.server, t.era, t.phase, t.outcome, t.note,
   t.created_at, t.updated_at, t.expires_at, t.leg_id, t.leg_joiner, t.seal`,
);

/** Whether the call of task `t` runs. Until it ends the task is kept, however long its server takes. */
const RUNS: RawBuilder<unknown> = sql.raw(
  `exists (select 1 from holdfast.approvals a where a.id = t.approval_id and a.state = 'dispatched')`,
);

function taskOf(row: TaskRow): Task {
  return {
    id: row.id,
    approval: row.approval_id,
    joiner: row.joiner_id,
    grant: row.grant_name,
    server: row.server,
    era: row.era,
    phase: row.phase,
    outcome: row.outcome,
    note: row.note,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    expiresAt: row.expires_at,
    leg: row.leg_id === null ? null : { approval: row.leg_id, joiner: row.leg_joiner ?? '' },
  };
}

/** Those that a gateway wrote: no other grant, server or approval is a task's than the one for which it was opened. */
function believed(tables: SealedTables, rows: readonly TaskRow[]): Task[] {
  return rows.filter((row) => tables.believes('tasks', row)).map(taskOf);
}

export async function insertTask(
  db: Kysely<Tables>,
  tables: SealedTables,
  task: Parameters<TaskStore['openTask']>[0],
): Promise<void> {
  const row = {
    id: task.id,
    approval_id: task.approval,
    joiner_id: task.joiner,
    grant_name: task.grant,
    server: task.server,
    era: task.era,
    created_at: task.createdAt,
  };
  await db.transaction().execute(async (trx) => {
    const added = await trx
      .insertInto('holdfast.tasks')
      .values({
        ...row,
        phase: 'held',
        request: task.request,
        seal: tables.seal('tasks', row),
        updated_at: task.createdAt,
        expires_at: task.expiresAt,
      })
      .executeTakeFirst();
    requireTaken('tasks', added.numInsertedOrUpdatedRows, 1);
    // No session: a task outlives the one that asked for it.
    const leave = sql`update holdfast.joiners set replica = 'task', session = null where id = ${task.joiner}`;
    await writeRows(trx, 'joiners', 1, leave);
  });
}

export async function readTask(
  db: Kysely<Tables>,
  tables: SealedTables,
  id: string,
  grant: string,
  server: string,
  now: Date,
): Promise<Task | null> {
  const found = await sql<TaskRow>`
    select ${TASK} from holdfast.tasks t
    where t.id = ${id} and t.grant_name = ${grant} and t.server = ${server} and (t.expires_at > ${now} or ${RUNS})`.execute(
    db,
  );
  return believed(tables, found.rows)[0] ?? null;
}

export async function legacyTasks(
  db: Kysely<Tables>,
  tables: SealedTables,
  grant: string,
  server: string,
  now: Date,
  limit: number,
): Promise<Task[]> {
  const found = await sql<TaskRow>`
    select ${TASK} from holdfast.tasks t
    where t.grant_name = ${grant} and t.server = ${server} and t.era = 'legacy' and t.expires_at > ${now}
    order by t.created_at desc limit ${limit}`.execute(db);
  return believed(tables, found.rows);
}

export async function markFetched(db: Kysely<Tables>, id: string, at: Date): Promise<void> {
  await sql`update holdfast.tasks set fetched_at = ${at} where id = ${id} and fetched_at is null`.execute(db);
}

/** The newest task of this very call that is done and whose answer nobody fetched. */
export async function unfetchedTask(
  db: Kysely<Tables>,
  tables: SealedTables,
  call: Parameters<TaskStore['lostTask']>[0],
  now: Date,
): Promise<Task | null> {
  const found = await sql<TaskRow>`
    select ${TASK} from holdfast.tasks t join holdfast.approvals a on a.id = t.approval_id
    where a.fingerprint = any(${call.fingerprints}::text[]) and t.grant_name = ${call.grant}
      and t.server = ${call.server} and t.era = ${call.era} and t.phase = 'done' and t.fetched_at is null
      and t.expires_at > ${now}
    order by t.created_at desc limit 1`.execute(db);
  return believed(tables, found.rows)[0] ?? null;
}

export async function taskBytes(
  db: Kysely<Tables>,
  id: string,
  part: 'request' | 'kept',
): ReturnType<TaskStore['taskBytes']> {
  const row = await db.selectFrom('holdfast.tasks').select(part).where('id', '=', id).executeTakeFirst();
  return row?.[part] ?? null;
}

/** The phase is compared in the `where`, and so is what is kept where the change depends on it. */
export async function changeTask(db: Kysely<Tables>, change: TaskChange): Promise<boolean> {
  const keptIsSame = change.over === undefined ? sql<boolean>`true` : sql<boolean>`kept = ${change.over}`;
  const { whileLeg } = change;
  const legIsSame =
    whileLeg === undefined ? sql<boolean>`true` : sql<boolean>`leg_id is not distinct from ${whileLeg}::text`;
  const changed = await db
    .updateTable('holdfast.tasks')
    .set({
      phase: change.to,
      updated_at: change.at,
      ...(change.outcome === undefined ? {} : { outcome: change.outcome }),
      ...(change.note === undefined ? {} : { note: change.note }),
      ...(change.kept === undefined ? {} : { kept: change.kept }),
      ...(change.leg === undefined
        ? {}
        : { leg_id: change.leg?.approval ?? null, leg_joiner: change.leg?.joiner ?? null }),
      ...(change.until === undefined ? {} : { expires_at: sql`greatest(expires_at, ${change.until}::timestamptz)` }),
    })
    .where('id', '=', change.id)
    .where('phase', 'in', [...change.from])
    .where(keptIsSame)
    .where(legIsSame)
    .executeTakeFirst();
  return changed.numUpdatedRows === 1n;
}

/** Ready tasks that one query returns. */
const MOST_READY = 200;

export async function dueTasks(
  db: Kysely<Tables>,
  tables: SealedTables,
  running: readonly string[],
  approval: string | null,
): ReturnType<TaskStore['dueTasks']> {
  const ready = await sql<TaskRow>`
    select ${TASK} from holdfast.tasks t join holdfast.approvals a on a.id = t.approval_id
    where t.phase in ('held', 'input', 'relayed') and a.state not in ('pending', 'dispatched')
      and (${approval}::text is null or t.approval_id = ${approval}::text)
    order by t.created_at limit ${MOST_READY}`.execute(db);
  const legs = await sql<TaskRow>`
    select ${TASK} from holdfast.tasks t join holdfast.approvals l on l.id = t.leg_id
    where t.phase = 'input' and l.state not in ('pending', 'dispatched')
      and (${approval}::text is null or t.leg_id = ${approval}::text)
    order by t.created_at limit ${MOST_READY}`.execute(db);
  const due = { ready: believed(tables, ready.rows), answering: believed(tables, legs.rows) };
  if (approval !== null || running.length === 0) return { ...due, cancelled: [] };
  const cancelled = await sql<{ id: string }>`
    select id from holdfast.tasks where id = any(${running}::text[]) and phase = 'cancelled'`.execute(db);
  return { ...due, cancelled: cancelled.rows.map((row) => row.id) };
}

/** Milliseconds for which a request outside gated calls is remembered while nobody answers it. */
const PLAIN_MS = 24 * 60 * 60_000;

/** Deletes tasks, and what else is kept for later messages, whose time is over; states of gated calls by `over`. */
export async function forgetTasks(db: Kysely<Tables>, seals: Seals, now: Date, over: Date): Promise<void> {
  await sql`delete from holdfast.tasks t where t.expires_at <= ${now} and not ${RUNS}`.execute(db);
  await sql`delete from holdfast.continuations where expires_at <= ${now}`.execute(db);
  await forgetStates(db, seals, over);
  const since = new Date(now.getTime() - PLAIN_MS);
  await sql`delete from holdfast.plain_requests where asked_at <= ${since}`.execute(db);
}
