import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely';
import { type Approval, isOver } from '../../domain/approval/approval.ts';
import type { AskedPlace, AskedRequest, Seals, TaskStore } from '../../ports.ts';
import { markAnswered, readOne, Unasked, withAnswer } from '../approval/legs.ts';
import { sentCalls } from '../approval/sent-calls.ts';
import { requireTaken } from '../connection/not-taken.ts';
import { writeEvents } from '../log/events.ts';
import { changeSet } from '../log/sealed-set.ts';
import { ASKED_ROW, ASKED_SET, type AskedSetRow, askedText } from '../sets/asked-set.ts';
import type { Beliefs } from '../sets/beliefs.ts';
import { lockSet } from '../sets/set-table.ts';
import { bytesText, type SealedTables } from '../table/sealed-tables.ts';
import type { Tables } from '../table/tables.ts';
import type { AskedRequestTable } from '../table/task-tables.ts';
import { isPlain, type PlainRow, plainRows } from './plain-requests.ts';

/** Requests of one call that wait for an answer at the same time. */
const MOST_ASKED = 32;
/** Octets of these together: the set of them is read whole. */
const MOST_OCTETS = 1024 * 1024;

export async function keepRequest(
  db: Kysely<Tables>,
  seals: Seals,
  { approval, grant, server, session, key, digest, kept, at }: Parameters<TaskStore['keepRequest']>[0],
): Promise<boolean> {
  const row = { approval_id: approval, grant_name: grant, server, session, request_key: key, digest, asked_at: at };
  const text = askedText({ ...row, kept: bytesText(kept) });
  const seal = seals.seal('row', text);
  const hasRoom = sql`
    (select count(*) < ${MOST_ASKED} and coalesce(sum(octets), 0) + ${kept.byteLength}::int <= ${MOST_OCTETS} from open)`;
  return db.transaction().execute(async (trx) => {
    const found = await sql<{ is_new: boolean | null }>`
    with open as (
      select q.digest, q.request_key, octet_length(q.kept) as octets from holdfast.asked_requests q
      where q.approval_id = ${approval} and q.answered_at is null
    ), known as (select 1 from open where digest = ${digest} and request_key = ${key}), added as (
      insert into holdfast.asked_requests
        (approval_id, grant_name, server, session, request_key, digest, kept, asked_at, seal)
      select a.id, ${grant}::text, ${server}::text, ${session}::text, ${key}::text, ${digest}::text, ${kept}::bytea,
        ${at}::timestamptz, ${seal}::text
      from holdfast.approvals a
      where a.id = ${approval} and a.state = 'dispatched' and not exists (select 1 from known)
        and ${hasRoom}
      returning 1
    )
    select true as is_new from added union all select false from known
    union all select null from holdfast.approvals a
      where a.id = ${approval} and a.state = 'dispatched' and not exists (select 1 from known)
        and ${hasRoom} and not exists (select 1 from added)`.execute(trx);
    if (found.rows[0]?.is_new === null) requireTaken('asked_requests', 0, 1);
    if (found.rows[0]?.is_new) await changeSet(trx, seals, ASKED_SET.name, { added: [text] });
    return found.rows.length > 0;
  });
}

/**
 * A server that counts its requests per session reuses an id only in another session. One without sessions may reuse it
 * for any call, so that only a call that still runs can be meant. An answer that names no session, or a session that
 * the call did not have, is matched too: not every server looks at it. A row that no gateway wrote counts as one that was
 * answered: nothing is answered by it, and nothing passes because of it.
 */
export async function findRequest(
  db: Kysely<Tables>,
  tables: SealedTables,
  place: AskedPlace,
  key: string,
): Promise<AskedRequest | null> {
  const found = await sql<FoundRow>`
    select q.n, q.approval_id, q.grant_name, q.server, q.session, q.request_key, q.digest, q.kept, q.asked_at, q.seal,
      q.answered_at is not null as answered,
      a.state = 'dispatched' as running
    from ${meantBy(place, [key])}
    order by a.state = 'dispatched' desc, q.answered_at is null desc, q.n desc limit 1`.execute(db);
  const row = found.rows[0];
  if (row === undefined) return null;
  const { approval_id: approval, session, kept, running } = row;
  const answered = row.answered || !tables.believes('asked_requests', row);
  return { n: Number(row.n), approval, session, kept, answered, running };
}

interface FoundRow extends Omit<Selectable<AskedRequestTable>, 'answered_at'> {
  readonly answered: boolean;
  readonly running: boolean;
}

export async function hasRequest(db: Kysely<Tables>, place: AskedPlace, keys: readonly string[]): Promise<boolean> {
  if (keys.length === 0) return false;
  const found = await sql`select 1 from ${meantBy(place, keys)} limit 1`.execute(db);
  return found.rows.length > 0;
}

function meantBy({ grant, servers, session }: AskedPlace, keys: readonly string[]): RawBuilder<unknown> {
  return sql`holdfast.asked_requests q join holdfast.approvals a on a.id = q.approval_id
    where q.grant_name = ${grant} and q.server = any(${servers}::text[]) and q.request_key = any(${keys}::text[])
      and ${sameSession(sql.ref('q.session'), session)}
      and (a.state = 'dispatched' or (q.session is not null and (q.answered_at is null or q.answered_at = 'infinity')))`;
}

/** A task has left its session's seat, so its call counts as running in any. */
export async function runningIn(
  db: Kysely<Tables>,
  { grant, servers, session }: AskedPlace,
  strict: boolean,
): Promise<string | null> {
  const found = await sql<{ id: string }>`
    select a.id from ${runningAt({ grant, servers })} ${strict ? IS_STRICT : sql``}
      and exists (select 1 from holdfast.joiners j
        where j.approval_id = a.id and ${sameSession(sql.ref('j.session'), session)})
    order by a.updated_at desc limit 1`.execute(db);
  return found.rows[0]?.id ?? null;
}

const IS_STRICT = sql`and a.requirement->>'answers' = 'ask'`;

function runningAt({ grant, servers }: Pick<AskedPlace, 'grant' | 'servers'>): RawBuilder<unknown> {
  return sql`holdfast.approvals a where a.state = 'dispatched' and a.grant_name = ${grant}
    and a.server = any(${servers}::text[]) and a.answers_to is null and a.awaits is distinct from 'input'`;
}

/**
 * Another grant's question counts only where no session tells its answer from others: where it was asked without one,
 * or is answered without one. That no request of a gated call is meant is found in the sealed set of them, read whole.
 */
export async function whoseAnswers(
  db: Kysely<Tables>,
  seals: Seals,
  { tables, wholeRows }: Beliefs,
  place: AskedPlace,
  keys: readonly string[],
): ReturnType<TaskStore['whoseAnswers']> {
  const { grant, servers, session } = place;
  const [found, waiting] = await Promise.all([
    sql<{ plain: readonly PlainRow[]; strict: boolean; others: boolean }>`
    select ${plainRows(place, keys)} as plain,
      exists (select 1 from ${runningAt(place)} ${IS_STRICT}) as strict,
      exists (select 1 from holdfast.asked_requests q join holdfast.approvals a on a.id = q.approval_id
        where q.server = any(${servers}::text[]) and q.request_key = any(${keys}::text[]) and q.grant_name <> ${grant}
          and q.answered_at is null and a.state = 'dispatched'
          and (q.session is null or ${session}::text is null)) as others`.execute(db),
    wholeRows(ASKED_SET),
  ]);
  const { plain, strict, others } = found.rows[0]!;
  const meant = waiting === null ? [] : await couldBeMeant(db, seals, waiting, place, keys);
  return {
    plain: isPlain(tables, plain, keys),
    strict,
    others: others || meant.some(({ grant_name }) => grant_name !== grant),
    gated: waiting === null ? null : meant.some(({ grant_name }) => grant_name === grant),
  };
}

/**
 * Requests of this set that answers with these keys could be meant for: of this grant in this session, and of others where
 * no session tells them apart. One without a session is meant only while its call runs, and that this is over has to be
 * said by a seal.
 */
async function couldBeMeant(
  db: Kysely<Tables>,
  seals: Seals,
  waiting: readonly AskedSetRow[],
  { grant, servers, session }: AskedPlace,
  keys: readonly string[],
): Promise<readonly AskedSetRow[]> {
  const near = waiting.filter((row) => {
    if (!servers.includes(row.server) || !keys.includes(row.request_key)) return false;
    const isApart = row.session !== null && session !== null;
    return row.grant_name === grant ? !isApart || row.session === session : !isApart;
  });
  const over = await endedOf(db, seals, near);
  return near.filter((row) => !over.has(row.approval_id) || (row.session !== null && row.grant_name === grant));
}

/** Ids of those calls that are over, as a seal says. */
async function endedOf(
  db: Kysely<Tables>,
  seals: Seals,
  requests: readonly Pick<AskedSetRow, 'approval_id'>[],
): Promise<ReadonlySet<string>> {
  const ids = [...new Set(requests.map(({ approval_id }) => approval_id))];
  if (ids.length === 0) return new Set();
  const calls = await sentCalls(db, seals, ids);
  return new Set(calls.filter(({ believed, state }) => believed && isOver(state)).map(({ id }) => id));
}

function sameSession(column: RawBuilder<unknown>, session: string | null): RawBuilder<unknown> {
  return sql`(${column} = ${session}::text or ${column} is null or ${session}::text is null)`;
}

/** The request, its call and the events change together. Null: answered before, its call is over, or it is frozen. */
export async function answerRequest(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Beliefs,
  asked: Parameters<TaskStore['answerRequest']>[0],
  given: Parameters<TaskStore['answerRequest']>[1],
  events: Parameters<TaskStore['answerRequest']>[2],
): Promise<Approval | null> {
  const { unlessFrozen } = asked;
  const { freezes } = beliefs;
  if (unlessFrozen === undefined) return answerOnce(db, seals, beliefs, null, asked, given, events);
  const answer = () => answerOnce(db, seals, beliefs, freezes.unless(unlessFrozen), asked, given, events);
  return freezes.attempt(answer, (answered) => answered === null);
}

/** `thawed`: what must hold for what a freeze may stop; null: none can. */
async function answerOnce(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Beliefs,
  thawed: RawBuilder<unknown> | null,
  { n, approval, now }: Parameters<TaskStore['answerRequest']>[0],
  given: Parameters<TaskStore['answerRequest']>[1],
  events: Parameters<TaskStore['answerRequest']>[2],
): Promise<Approval | null> {
  try {
    return await db.transaction().execute(async (trx) => {
      const changed = await sql`
        update holdfast.approvals set answers = ${withAnswer(seals, approval, given)}, revision = revision + 1,
          updated_at = clock_timestamp()
        where id = ${approval} and state = 'dispatched'
          ${thawed === null ? sql`` : sql`and ${thawed}`} returning 1`.execute(trx);
      if (changed.rows.length === 0) throw new Unasked();
      await markAnswered(trx, seals, beliefs, n, now);
      await writeEvents(trx, seals, events);
      const answered = await readOne(trx, seals, approval);
      if (answered.broken !== null) throw new Unasked();
      return answered;
    });
  } catch (error) {
    if (error instanceof Unasked) return null;
    throw error;
  }
}

export async function reopenRequest(db: Kysely<Tables>, seals: Seals, n: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const opened = await sql<AskedSetRow>`
      update holdfast.asked_requests set answered_at = null where n = ${n} and answered_at is not null
      returning ${ASKED_ROW}`.execute(trx);
    const added = opened.rows.map(askedText);
    if (added.length > 0) await changeSet(trx, seals, ASKED_SET.name, { added });
  });
}

/** Milliseconds after which no server waits any more for an answer that its ended call got no time for. */
const ENDED_MS = 24 * 60 * 60_000;
/** Requests that are closed at once. */
const MOST_CLOSED = 1_000;

/**
 * Closes requests of calls that are over, a day after they were asked, so that the set, which is read whole, holds no more
 * than a day's: they count as answered, without a time, and an answer comes too late. `now`: by the clock that is behind.
 * Does nothing while the set is not whole.
 */
export async function closeRequests(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Beliefs,
  now: Date,
  most = MOST_CLOSED,
): Promise<void> {
  const since = new Date(now.getTime() - ENDED_MS);
  const old =
    await sql`select 1 from holdfast.asked_requests where answered_at is null and asked_at <= ${since} limit 1`.execute(
      db,
    );
  if (old.rows.length === 0) return;
  await db.transaction().execute(async (trx) => {
    await lockSet(trx, ASKED_SET.name);
    const waiting = await beliefs.wholeRows(ASKED_SET, trx);
    const late = (waiting ?? []).filter(({ asked_at }) => asked_at <= since);
    const ended = await endedOf(trx, seals, late);
    // Only then so many of them: calls that go on for days do not keep those of others open.
    const over = late.filter(({ approval_id }) => ended.has(approval_id)).slice(0, most);
    const known = new Map(over.map((row) => [Number(row.n), askedText(row)]));
    if (known.size === 0) return;
    const closed = await sql<AskedSetRow>`
      update holdfast.asked_requests set answered_at = 'infinity'
      where n = any(${[...known.keys()]}::bigint[]) and answered_at is null returning ${ASKED_ROW}`.execute(trx);
    requireTaken('asked_requests', closed.rows.length, known.size);
    await changeSet(trx, seals, ASKED_SET.name, { removed: [...known.values()] });
  });
}
