import { type Kysely, sql } from 'kysely';
import type { Seals, TaskStore } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { requireTaken } from '../connection/not-taken.ts';
import { changeSet, isCountOf, type SetHeadRow, setHead } from '../log/sealed-set.ts';
import { ISSUED_ROW, ISSUED_SET, type IssuedRow, issuedText } from '../sets/issued-set.ts';
import type { SealedTables } from '../table/sealed-tables.ts';
import type { Tables } from '../table/tables.ts';

/** States kept of one gated call, the latest. Only a call whose answers need no yes can have more. */
const MOST_OF_CALL = 256;
/** States kept of what a grant's allowed requests were given by one server, the latest. */
const MOST_OF_GRANT = 1_000;

/** A state that is given to the same call again is kept once, with its latest time. */
export async function issueState(
  db: Kysely<Tables>,
  seals: Seals,
  { digest, grant, server, approval, at, until }: Parameters<TaskStore['issueState']>[0],
): Promise<void> {
  const row = { digest, grant_name: grant, server, approval_id: approval, issued_at: at, until };
  const text = issuedText(row);
  await db.transaction().execute(async (trx) => {
    const before = await sql<IssuedRow>`
      delete from holdfast.issued_states where approval_id = ${approval} and digest = ${digest}
      returning ${ISSUED_ROW}`.execute(trx);
    const added = await sql`
      insert into holdfast.issued_states (digest, grant_name, server, approval_id, issued_at, until, seal)
      select ${digest}::text, ${grant}::text, ${server}::text, a.id, ${at}::timestamptz, ${until}::timestamptz,
        ${seals.seal('row', text)}::text
      from holdfast.approvals a where a.id = ${approval} returning 1`.execute(trx);
    const there = await sql`select 1 from holdfast.approvals where id = ${approval}`.execute(trx);
    requireTaken('issued_states', added.rows.length, there.rows.length);
    const over = await sql<IssuedRow>`
      delete from holdfast.issued_states where approval_id = ${approval} and n <= (
        select n from holdfast.issued_states where approval_id = ${approval}
        order by n desc offset ${MOST_OF_CALL} limit 1) returning ${ISSUED_ROW}`.execute(trx);
    const removed = [...before.rows, ...over.rows].map(issuedText);
    await changeSet(trx, seals, ISSUED_SET.name, { added: added.rows.map(() => text), removed });
  });
}

/** Writes nothing for a state that no gated call was given, which is nearly every state. */
export async function noteIssuedState(
  db: Kysely<Tables>,
  tables: SealedTables,
  { digests, request, grant, server, servers, at, until }: Parameters<TaskStore['noteIssuedState']>[0],
): Promise<void> {
  const row = { digest: request, grant_name: grant, server, approval_id: null, issued_at: at, until };
  const noted = await sql`
    insert into holdfast.issued_states (digest, grant_name, server, approval_id, issued_at, until, seal)
    select ${request}::text, ${grant}::text, ${server}::text, null, ${at}::timestamptz, ${until}::timestamptz,
      ${tables.seal('issued_states', row)}::text
    where exists (select 1 from holdfast.issued_states s
      where s.digest = any(${digests}::text[]) and s.server = any(${servers}::text[]) and s.approval_id is not null
        and s.until > ${at})
    returning n`.execute(db);
  if (noted.rows.length === 0) return;
  await sql`
    delete from holdfast.issued_states s
    where s.approval_id is null and s.grant_name = ${grant} and s.server = ${server} and (
      s.n <= (select n from holdfast.issued_states
        where approval_id is null and grant_name = ${grant} and server = ${server}
        order by n desc offset ${MOST_OF_GRANT} limit 1)
      or (s.digest = ${request} and s.issued_at < ${at}))`.execute(db);
}

interface ClaimRow {
  /** Gated calls were given this state: when a call of this very grant was last, in ms; null: no call of this grant was. */
  readonly claimed: boolean;
  readonly own_ms: number | string | null;
  /** What this kind of request was given. */
  readonly given: readonly GivenRow[];
  readonly count: number | string;
  readonly head: SetHeadRow | null;
}

type GivenRow = Omit<IssuedRow, 'issued_at' | 'n' | 'until'> & {
  readonly issued_ms: number;
  readonly until_ms: number;
};

/**
 * Whoever was given a state last may bring it. What was given to gated calls of other grants, and to this request by the
 * server itself, says nothing about those calls, whichever came first. A release before this one kept continuations only.
 * Rows of gated calls stop, whoever wrote them, and none may be missing; those of other requests are believed with their
 * seal only.
 */
export async function stateIsClaimed(
  db: Kysely<Tables>,
  seals: Seals,
  tables: SealedTables,
  { digests, request, grant, servers, now }: Parameters<TaskStore['isStateClaimed']>[0],
): Promise<boolean> {
  const found = await sql<ClaimRow>`${KEPT_PLAN}
    with gated as (
      select grant_name, issued_at from holdfast.issued_states
      where digest = any(${digests}::text[]) and server = any(${servers}::text[]) and approval_id is not null
        and until > ${now}
      union all
      select c.grant_name, a.updated_at from holdfast.continuations c join holdfast.approvals a on a.id = c.approval_id
      where c.digest = any(${digests}::text[]) and c.server = any(${servers}::text[]) and c.expires_at > ${now}
        and not exists (select 1 from holdfast.issued_states s where s.approval_id = a.id and s.digest = c.digest)
    )
    select exists (select 1 from gated) as claimed,
      (select ceil(extract(epoch from max(issued_at)) * 1000)::bigint from gated where grant_name = ${grant}) as own_ms,
      (select coalesce(json_agg(json_build_object('digest', own.digest, 'grant_name', own.grant_name, 'server', own.server,
          'approval_id', own.approval_id, 'issued_ms', (extract(epoch from own.issued_at) * 1000)::bigint,
          'until_ms', (extract(epoch from own.until) * 1000)::bigint, 'seal', own.seal)), '[]')
        from holdfast.issued_states own
        where own.digest = any(${request}::text[]) and own.grant_name = ${grant} and own.server = any(${servers}::text[])
          and own.approval_id is null and own.until > ${now}) as given,
      (select count(*) from holdfast.issued_states where approval_id is not null) as count,
      ${setHead(ISSUED_SET.name)} as head`.execute(db);
  const { claimed, own_ms, given, count, head } = found.rows[0]!;
  // Which state the missing row was of, nobody can say.
  if (!isCountOf(seals, head, Number(count))) return true;
  if (!claimed) return false;
  const since = own_ms === null ? Number.NEGATIVE_INFINITY : Number(own_ms);
  return !given.some(
    ({ issued_ms, until_ms, ...row }) =>
      issued_ms >= since &&
      tables.believes('issued_states', { ...row, issued_at: new Date(issued_ms), until: new Date(until_ms) }),
  );
}

/** Forgets states whose time is over. */
export async function forgetStates(db: Kysely<Tables>, seals: Seals, now: Date): Promise<void> {
  const due = await sql`select 1 from holdfast.issued_states where until <= ${now} limit 1`.execute(db);
  if (due.rows.length === 0) return;
  await db.transaction().execute(async (trx) => {
    const over = await sql<IssuedRow>`
      delete from holdfast.issued_states where until <= ${now} returning ${ISSUED_ROW}`.execute(trx);
    const removed = over.rows.filter(({ approval_id }) => approval_id !== null).map(issuedText);
    if (removed.length > 0) await changeSet(trx, seals, ISSUED_SET.name, { removed });
  });
}
