import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { AskedPlace, TaskStore } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

/** Requests of servers outside gated calls that are remembered of one grant at one server, the latest. */
const MOST_PLAIN = 1_000;

export async function insertPlainRequests(
  db: Kysely<Tables>,
  { grant, server, session, keys, at }: Parameters<TaskStore['notePlainRequests']>[0],
): Promise<void> {
  await sql`
    insert into holdfast.plain_requests (grant_name, server, session, request_key, asked_at)
    select ${grant}::text, ${server}::text, ${session}::text, key, ${at}::timestamptz
    from unnest(${keys}::text[]) as k(key)
    where not exists (select 1 from holdfast.plain_requests p
      where p.grant_name = ${grant} and p.server = ${server} and p.request_key = key
        and p.session is not distinct from ${session}::text)`.execute(db);
  await sql`
    delete from holdfast.plain_requests where grant_name = ${grant} and server = ${server} and n <= (
      select n from holdfast.plain_requests where grant_name = ${grant} and server = ${server}
      order by n desc offset ${MOST_PLAIN} limit 1)`.execute(db);
}

export async function forgetPlainRequest(
  db: Kysely<Tables>,
  { grant, servers, session }: AskedPlace,
  key: string,
): Promise<void> {
  await sql`
    delete from holdfast.plain_requests p
    where p.request_key = ${key} and ${isAt(sql.ref('p'), { grant, servers, session })}`.execute(db);
}

/** Whether each of these keys is that of a request that was seen, in this very session and outside gated calls. */
export function allPlain(place: AskedPlace, keys: readonly string[]): RawBuilder<boolean> {
  return sql<boolean>`not exists (
    select 1 from unnest(${keys}::text[]) as k(key) where not exists (
      select 1 from holdfast.plain_requests p where p.request_key = k.key and ${isAt(sql.ref('p'), place)}))`;
}

function isAt(p: RawBuilder<unknown>, { grant, servers, session }: AskedPlace): RawBuilder<unknown> {
  return sql`${p}.grant_name = ${grant} and ${p}.server = any(${servers}::text[])
    and ${p}.session is not distinct from ${session}::text`;
}
