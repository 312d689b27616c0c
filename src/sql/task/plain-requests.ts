import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { AskedPlace, TaskStore } from '../../ports.ts';
import type { SealedTables } from '../table/sealed-tables.ts';
import type { Tables } from '../table/tables.ts';

/** Requests of servers outside gated calls that are remembered of one grant at one server, the latest. */
const MOST_PLAIN = 1_000;

export async function insertPlainRequests(
  db: Kysely<Tables>,
  tables: SealedTables,
  { grant, server, session, keys, at }: Parameters<TaskStore['notePlainRequests']>[0],
): Promise<void> {
  const place = { grant_name: grant, server, session, asked_at: at };
  const seals = keys.map((key) => tables.seal('plain_requests', { ...place, request_key: key }));
  await sql`
    insert into holdfast.plain_requests (grant_name, server, session, request_key, asked_at, seal)
    select ${grant}::text, ${server}::text, ${session}::text, key, ${at}::timestamptz, seal
    from unnest(${keys}::text[], ${seals}::text[]) as k(key, seal)
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

/** A row as `plainRows` selects it. `asked_ms`: since 1970. */
export interface PlainRow {
  readonly grant_name: string;
  readonly server: string;
  readonly session: string | null;
  readonly request_key: string;
  readonly asked_ms: number;
  readonly seal: string | null;
}

/** The rows of requests with these keys that were seen in this very session and outside gated calls, as a JSON list. */
export function plainRows(place: AskedPlace, keys: readonly string[]): RawBuilder<readonly PlainRow[]> {
  return sql<
    readonly PlainRow[]
  >`(select coalesce(json_agg(json_build_object('grant_name', p.grant_name, 'server', p.server,
      'session', p.session, 'request_key', p.request_key, 'asked_ms', (extract(epoch from p.asked_at) * 1000)::bigint,
      'seal', p.seal)), '[]') from holdfast.plain_requests p
    where p.request_key = any(${keys}::text[]) and ${isAt(sql.ref('p'), place)})`;
}

/** Whether for each of these keys a gateway wrote such a row. */
export function isPlain(tables: SealedTables, rows: readonly PlainRow[], keys: readonly string[]): boolean {
  const believed = rows.filter(({ asked_ms, ...row }) =>
    tables.believes('plain_requests', { ...row, asked_at: new Date(asked_ms) }),
  );
  const seen = new Set(believed.map(({ request_key }) => request_key));
  return keys.every((key) => seen.has(key));
}

function isAt(p: RawBuilder<unknown>, { grant, servers, session }: AskedPlace): RawBuilder<unknown> {
  return sql`${p}.grant_name = ${grant} and ${p}.server = any(${servers}::text[])
    and ${p}.session is not distinct from ${session}::text`;
}
