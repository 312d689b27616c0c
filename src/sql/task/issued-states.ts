import { type Kysely, sql } from 'kysely';
import type { TaskStore } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

/** States kept of one gated call, the latest. Only a call whose answers need no yes can have more. */
const MOST_OF_CALL = 256;
/** States kept of what a grant's allowed requests were given by one server, the latest. */
const MOST_OF_GRANT = 1_000;

/** A state that is given to the same call again is kept once, with its latest time. */
export async function issueState(
  db: Kysely<Tables>,
  { digest, grant, server, approval, at, until }: Parameters<TaskStore['issueState']>[0],
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`
      delete from holdfast.issued_states where approval_id = ${approval} and digest = ${digest}`.execute(trx);
    await sql`
      insert into holdfast.issued_states (digest, grant_name, server, approval_id, issued_at, until)
      select ${digest}::text, ${grant}::text, ${server}::text, a.id, ${at}::timestamptz, ${until}::timestamptz
      from holdfast.approvals a where a.id = ${approval}`.execute(trx);
    await sql`
      delete from holdfast.issued_states where approval_id = ${approval} and n <= (
        select n from holdfast.issued_states where approval_id = ${approval}
        order by n desc offset ${MOST_OF_CALL} limit 1)`.execute(trx);
  });
}

/** Writes nothing for a state that no gated call was given, which is nearly every state. */
export async function noteIssuedState(
  db: Kysely<Tables>,
  { digests, request, grant, server, servers, at, until }: Parameters<TaskStore['noteIssuedState']>[0],
): Promise<void> {
  const noted = await sql`
    insert into holdfast.issued_states (digest, grant_name, server, approval_id, issued_at, until)
    select ${request}::text, ${grant}::text, ${server}::text, null, ${at}::timestamptz, ${until}::timestamptz
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

/**
 * Whoever was given a state last may bring it. What was given to gated calls of other grants, and to this request by the
 * server itself, says nothing about those calls, whichever came first. A release before this one kept continuations only.
 */
export async function stateIsClaimed(
  db: Kysely<Tables>,
  { digests, request, grant, servers, now }: Parameters<TaskStore['isStateClaimed']>[0],
): Promise<boolean> {
  const found = await sql`
    with gated as (
      select grant_name, issued_at from holdfast.issued_states
      where digest = any(${digests}::text[]) and server = any(${servers}::text[]) and approval_id is not null
        and until > ${now}
      union all
      select c.grant_name, a.updated_at from holdfast.continuations c join holdfast.approvals a on a.id = c.approval_id
      where c.digest = any(${digests}::text[]) and c.server = any(${servers}::text[]) and c.expires_at > ${now}
        and not exists (select 1 from holdfast.issued_states s where s.approval_id = a.id and s.digest = c.digest)
    )
    select 1 where exists (select 1 from gated) and not exists (
      select 1 from holdfast.issued_states own
      where own.digest = any(${request}::text[]) and own.grant_name = ${grant} and own.server = any(${servers}::text[])
        and own.approval_id is null and own.until > ${now}
        and own.issued_at >= coalesce((select max(issued_at) from gated where grant_name = ${grant}), '-infinity'))
    `.execute(db);
  return found.rows.length > 0;
}
