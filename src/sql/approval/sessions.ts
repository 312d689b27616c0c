import { type Kysely, sql } from 'kysely';
import type { OpeningRate } from '../../domain/approval/openings.ts';
import type { FullLimit } from '../../domain/policy/limit.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { requireTaken, writeRows } from '../connection/not-taken.ts';
import type { SealedTables } from '../table/sealed-tables.ts';
import type { Tables } from '../table/tables.ts';
import { fullRate, sessionWait } from './room.ts';

/** The name of the setting that bounds how often a grant opens a session. */
const OPENINGS = 'sessions.openings';

/**
 * Counts an opening of a session, exactly and over all replicas: whoever counts for the same grant waits for the lock.
 * Counted before the server is asked, so that a flood does not reach it.
 */
export async function countSession(
  db: Kysely<Tables>,
  id: string,
  grant: string,
  rate: OpeningRate,
): Promise<FullLimit | null> {
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`sessions ${grant}`}, 0))`.execute(trx);
    const found = await sql<{ wait: string | null; now: Date; counted: number }>`
      with load as (select ${sessionWait(grant, rate)} as wait), counted as (
        insert into holdfast.openings (id, grant_name, kind)
        select ${id}::text, ${grant}::text, 'session' from load where wait is null returning 1
      ) select wait::text, clock_timestamp() as now, (select count(*)::int from counted) as counted from load`.execute(
      trx,
    );
    const { wait, now, counted } = found.rows[0]!;
    if (wait === null) requireTaken('openings', counted, 1);
    return wait === null ? null : fullRate(OPENINGS, grant, rate, { seconds: Number(wait), now });
  });
}

export async function uncountSession(db: Kysely<Tables>, id: string): Promise<void> {
  await db.deleteFrom('holdfast.openings').where('id', '=', id).where('kind', '=', 'session').execute();
}

/** The first binding stands: a session id that a server hands out twice stays with the grant that opened it. */
export async function bindSession(
  db: Kysely<Tables>,
  tables: SealedTables,
  id: string,
  server: string,
  grant: string,
): Promise<void> {
  const seal = tables.seal('sessions', { id, server, grant_name: grant });
  // One that was bound before is changed to what it is, so that it counts too.
  const insert = sql`
    insert into holdfast.sessions as s (id, server, grant_name, opened_at, seal)
    values (${id}, ${server}, ${grant}, clock_timestamp(), ${seal})
    on conflict (id, server) do update set opened_at = s.opened_at`;
  await writeRows(db, 'sessions', 1, insert);
}

/** The grant that opened it; null: none, or the row is none of a gateway's. */
export async function sessionGrant(
  db: Kysely<Tables>,
  tables: SealedTables,
  id: string,
  server: string,
): Promise<string | null> {
  const row = await db
    .selectFrom('holdfast.sessions')
    .select(['id', 'server', 'grant_name', 'seal'])
    .where('id', '=', id)
    .where('server', '=', server)
    .executeTakeFirst();
  return row !== undefined && tables.believes('sessions', row) ? row.grant_name : null;
}

export async function unbindSession(db: Kysely<Tables>, id: string, server: string): Promise<void> {
  await db.deleteFrom('holdfast.sessions').where('id', '=', id).where('server', '=', server).execute();
}

/** The name that the session's client gave itself at `initialize`, and whether it answers forms. */
export async function nameClient(
  db: Kysely<Tables>,
  session: string,
  server: string,
  client: string | null,
  forms: boolean,
): Promise<void> {
  await sql`
    update holdfast.sessions set client = coalesce(${client}::text, client), forms = ${forms}
    where id = ${session} and server = ${server}`.execute(db);
}

export async function clientOf(db: Kysely<Tables>, session: string, server: string): Promise<string | null> {
  const found = await sql<{ client: string | null }>`${KEPT_PLAN}
    select client from holdfast.sessions where id = ${session} and server = ${server}`.execute(db);
  return found.rows[0]?.client ?? null;
}

/** Who changes it in SQL gets a client asked that cannot answer, or one not asked that could; nothing else depends on it. */
export async function sessionForms(db: Kysely<Tables>, session: string, server: string): Promise<boolean> {
  const found = await sql<{ forms: boolean }>`
    select forms from holdfast.sessions where id = ${session} and server = ${server}`.execute(db);
  return found.rows[0]?.forms === true;
}

/** How long a reason waits for the replica that asked for it. */
const KEPT = "interval '15 minutes'";

/** Keeps a reason for whoever asked for it. The first one given under a key stands. */
export async function giveReason(db: Kysely<Tables>, key: string, reason: Uint8Array): Promise<void> {
  await sql`
    with old as (delete from holdfast.given_reasons where at < clock_timestamp() - ${sql.raw(KEPT)})
    insert into holdfast.given_reasons (key, reason) values (${key}, ${reason}) on conflict (key) do nothing`.execute(
    db,
  );
}

/** Takes the reason that was given under this key; null: none was yet. */
export async function takeGivenReason(db: Kysely<Tables>, key: string): Promise<Uint8Array | null> {
  const found = await sql<{ reason: Uint8Array }>`
    delete from holdfast.given_reasons where key = ${key} returning reason`.execute(db);
  return found.rows[0]?.reason ?? null;
}
