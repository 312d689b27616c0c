import { type Kysely, sql } from 'kysely';
import type { FollowedTask } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';
import type { FollowedTaskTable } from '../table/task-tables.ts';

type FollowedTaskRow = Omit<FollowedTaskTable, 'holder' | 'held_until'>;

/** The columns of `FollowedTaskRow`. */
const FOLLOWED_TASK = sql.raw('approval_id, dispatcher, task_id, grant_name, server, kept, started_at');

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
export async function followTask(db: Kysely<Tables>, task: FollowedTask, replica: string, until: Date): Promise<void> {
  await sql`
    insert into holdfast.pursuits
      (approval_id, dispatcher, task_id, grant_name, server, kept, holder, held_until, started_at)
    values (${task.approval}, ${task.dispatcher}, ${task.task}, ${task.grant}, ${task.server}, ${task.kept}, ${replica},
      ${until}, ${task.startedAt})
    on conflict (approval_id) do update set dispatcher = excluded.dispatcher, task_id = excluded.task_id,
      kept = excluded.kept, holder = excluded.holder, held_until = excluded.held_until,
      started_at = excluded.started_at`.execute(db);
}

export async function findFollowed(db: Kysely<Tables>, approval: string): Promise<FollowedTask | null> {
  const found = await sql<FollowedTaskRow>`
    select ${FOLLOWED_TASK} from holdfast.pursuits where approval_id = ${approval}`.execute(db);
  return found.rows[0] ? followedTaskOf(found.rows[0]) : null;
}

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
  return claimed.rows.map(followedTaskOf);
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

export async function endFollowed(db: Kysely<Tables>, approval: string): Promise<void> {
  await sql`delete from holdfast.pursuits where approval_id = ${approval}`.execute(db);
}
