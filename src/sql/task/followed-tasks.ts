import { type Kysely, sql } from 'kysely';
import type { FollowedTask, Seals } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import { changeSet } from '../log/sealed-set.ts';
import { PURSUIT_ROW, PURSUIT_SET, type PursuitSetRow, pursuitText } from '../sets/pursuit-set.ts';
import { bytesText, type SealedTables } from '../table/sealed-tables.ts';
import type { Tables } from '../table/tables.ts';
import type { FollowedTaskTable } from '../table/task-tables.ts';

type FollowedTaskRow = Omit<FollowedTaskTable, 'holder' | 'held_until'>;

/** The columns of `FollowedTaskRow`. */
const FOLLOWED_TASK = sql.raw('approval_id, dispatcher, task_id, grant_name, server, kept, started_at, seal');

function followedTaskOf(row: FollowedTaskRow): FollowedTask {
  return {
    approval: row.approval_id,
    dispatcher: row.dispatcher,
    task: row.task_id,
    grant: row.grant_name,
    server: row.server,
    kept: row.kept,
    startedAt: row.started_at,
  };
}

/** A call that goes on may end in another task: then that one is followed. */
export async function followTask(
  db: Kysely<Tables>,
  seals: Seals,
  task: FollowedTask,
  replica: string,
  until: Date,
): Promise<void> {
  const { approval, dispatcher, grant, server, kept, startedAt } = task;
  const row = {
    approval_id: approval,
    dispatcher,
    task_id: task.task,
    grant_name: grant,
    server,
    started_at: startedAt,
  };
  const text = pursuitText({ ...row, kept: bytesText(kept) });
  await db.transaction().execute(async (trx) => {
    const before = await sql<PursuitSetRow>`
      delete from holdfast.pursuits where approval_id = ${approval} returning ${PURSUIT_ROW}`.execute(trx);
    const added = await trx
      .insertInto('holdfast.pursuits')
      .values({ ...row, kept, holder: replica, held_until: until, seal: seals.seal('row', text) })
      .executeTakeFirst();
    requireTaken('pursuits', added.numInsertedOrUpdatedRows, 1);
    await changeSet(trx, seals, PURSUIT_SET.name, { added: [text], removed: before.rows.map(pursuitText) });
  });
}

/** null: there is none, or none that a gateway wrote. */
export async function findFollowed(
  db: Kysely<Tables>,
  tables: SealedTables,
  approval: string,
): Promise<FollowedTask | null> {
  const found = await sql<FollowedTaskRow>`
    select ${FOLLOWED_TASK} from holdfast.pursuits where approval_id = ${approval}`.execute(db);
  return found.rows.filter((row) => tables.believes('pursuits', row)).map(followedTaskOf)[0] ?? null;
}

/** Of whatever row: while one is there, its task is nobody's to name. */
export async function followedAt(
  db: Kysely<Tables>,
  servers: readonly string[],
  limit: number,
): Promise<FollowedTask[]> {
  const found = await sql<FollowedTaskRow>`
    select ${FOLLOWED_TASK} from holdfast.pursuits where server = any(${servers}::text[]) order by started_at desc limit ${limit}`.execute(
    db,
  );
  return found.rows.map(followedTaskOf);
}

/** One statement: of two replicas that claim at the same time, each gets what the other does not. */
export async function claimFollowed(
  db: Kysely<Tables>,
  tables: SealedTables,
  replica: string,
  now: Date,
  until: Date,
  limit: number,
): Promise<FollowedTask[]> {
  const claimed = await sql<FollowedTaskRow>`
    update holdfast.pursuits set holder = ${replica}, held_until = ${until}
    where approval_id in (
      select approval_id from holdfast.pursuits where held_until <= ${now}
      order by held_until limit ${limit} for update skip locked)
    returning ${FOLLOWED_TASK}`.execute(db);
  return claimed.rows.filter((row) => tables.believes('pursuits', row)).map(followedTaskOf);
}

/** False: another replica holds it, or it is over. */
export async function keepFollowed(
  db: Kysely<Tables>,
  approval: string,
  replica: string,
  until: Date,
): Promise<boolean> {
  const kept = await sql`
    update holdfast.pursuits set held_until = ${until}
    where approval_id = ${approval} and holder = ${replica} returning 1`.execute(db);
  return kept.rows.length > 0;
}

export async function endFollowed(db: Kysely<Tables>, seals: Seals, approval: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const ended = await sql<PursuitSetRow>`
      delete from holdfast.pursuits where approval_id = ${approval} returning ${PURSUIT_ROW}`.execute(trx);
    if (ended.rows.length === 0) return;
    await changeSet(trx, seals, PURSUIT_SET.name, { removed: ended.rows.map(pursuitText) });
  });
}
