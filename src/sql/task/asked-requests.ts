import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Approval } from '../../domain/approval/approval.ts';
import type { AskedKey, AskedRequest, Seals, TaskStore } from '../../ports.ts';
import { markAnswered, readOne, Unasked, withAnswer } from '../approval/legs.ts';
import { writeEvents } from '../log/events.ts';
import type { Tables } from '../table/tables.ts';

/** Requests of one call that wait for an answer at the same time. */
const MOST_ASKED = 32;

export async function keepRequest(
  db: Kysely<Tables>,
  asked: Parameters<TaskStore['keepRequest']>[0],
): Promise<boolean> {
  const { approval, grant, server, session, key, digest, kept, at } = asked;
  const added = await sql`
    with open as (
      select q.digest, q.request_key from holdfast.asked_requests q
      where q.approval_id = ${approval} and q.answered_at is null
    ), known as (select 1 from open where digest = ${digest} and request_key = ${key}), added as (
      insert into holdfast.asked_requests
        (approval_id, grant_name, server, session, request_key, digest, kept, asked_at)
      select a.id, ${grant}::text, ${server}::text, ${session}::text, ${key}::text, ${digest}::text, ${kept}::bytea,
        ${at}::timestamptz
      from holdfast.approvals a
      where a.id = ${approval} and a.state = 'dispatched' and not exists (select 1 from known)
        and (select count(*) from open) < ${MOST_ASKED}
      returning 1
    )
    select 1 from added union all select 1 from known`.execute(db);
  return added.rows.length > 0;
}

/**
 * A server that counts its requests per session reuses an id only in another session. One without sessions may reuse it
 * for any call, so that only a call that still runs can be meant. An answer that names no session, or a session that
 * the call did not have, is matched too: not every server looks at it.
 */
export async function findRequest(db: Kysely<Tables>, asked: AskedKey): Promise<AskedRequest | null> {
  const { grant, server, session, key } = asked;
  const found = await sql<{ n: string; approval_id: string; kept: Uint8Array; answered: boolean; running: boolean }>`
    select q.n, q.approval_id, q.kept, q.answered_at is not null as answered, a.state = 'dispatched' as running
    from ${meantBy({ grant, server, session }, [key])}
    order by a.state = 'dispatched' desc, q.answered_at is null desc, q.n desc limit 1`.execute(db);
  const row = found.rows[0];
  if (row === undefined) return null;
  const { approval_id: approval, kept, answered, running } = row;
  return { n: Number(row.n), approval, kept, answered, running };
}

export async function hasRequest(
  db: Kysely<Tables>,
  place: Omit<AskedKey, 'key'>,
  keys: readonly string[],
): Promise<boolean> {
  if (keys.length === 0) return false;
  const found = await sql`select 1 from ${meantBy(place, keys)} limit 1`.execute(db);
  return found.rows.length > 0;
}

function meantBy({ grant, server, session }: Omit<AskedKey, 'key'>, keys: readonly string[]): RawBuilder<unknown> {
  return sql`holdfast.asked_requests q join holdfast.approvals a on a.id = q.approval_id
    where q.grant_name = ${grant} and q.server = ${server} and q.request_key = any(${keys}::text[])
      and ${sameSession(sql.ref('q.session'), session)}
      and (a.state = 'dispatched' or (q.session is not null and q.answered_at is null))`;
}

/** A task has left its session's seat, so its call counts as running in any. */
export async function runningIn(
  db: Kysely<Tables>,
  { grant, server, session }: Omit<AskedKey, 'key'>,
): Promise<string | null> {
  const found = await sql<{ id: string }>`
    select a.id from holdfast.approvals a
    where a.state = 'dispatched' and a.grant_name = ${grant} and a.server = ${server} and a.answers_to is null
      and a.awaits is distinct from 'input' and exists (select 1 from holdfast.joiners j
        where j.approval_id = a.id and ${sameSession(sql.ref('j.session'), session)})
    order by a.updated_at desc limit 1`.execute(db);
  return found.rows[0]?.id ?? null;
}

export async function strictRuns(
  db: Kysely<Tables>,
  { grant, server }: Pick<AskedKey, 'grant' | 'server'>,
): Promise<boolean> {
  const found = await sql`
    select 1 from holdfast.approvals a
    where a.state = 'dispatched' and a.grant_name = ${grant} and a.server = ${server} and a.answers_to is null
      and a.awaits is distinct from 'input' and a.requirement->>'answers' = 'ask' limit 1`.execute(db);
  return found.rows.length > 0;
}

function sameSession(column: RawBuilder<unknown>, session: string | null): RawBuilder<unknown> {
  return sql`(${column} = ${session}::text or ${column} is null or ${session}::text is null)`;
}

/** The request, its call and the events change together. Null: it was answered before, or its call is over. */
export async function answerRequest(
  db: Kysely<Tables>,
  seals: Seals,
  { n, approval, now }: Parameters<TaskStore['answerRequest']>[0],
  given: Parameters<TaskStore['answerRequest']>[1],
  events: Parameters<TaskStore['answerRequest']>[2],
): Promise<Approval | null> {
  try {
    return await db.transaction().execute(async (trx) => {
      const changed = await sql`
        update holdfast.approvals set answers = ${withAnswer(given)}, revision = revision + 1,
          updated_at = clock_timestamp()
        where id = ${approval} and state = 'dispatched' returning 1`.execute(trx);
      if (changed.rows.length === 0) throw new Unasked();
      await markAnswered(trx, n, now);
      await writeEvents(trx, seals, events);
      return readOne(trx, seals, approval);
    });
  } catch (error) {
    if (error instanceof Unasked) return null;
    throw error;
  }
}

export async function reopenRequest(db: Kysely<Tables>, n: number): Promise<void> {
  await sql`update holdfast.asked_requests set answered_at = null where n = ${n}`.execute(db);
}
