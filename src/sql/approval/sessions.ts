import { type Kysely, sql } from 'kysely';
import type { Tables } from '../table/tables.ts';

/** The first binding stands: a session id that a server hands out twice stays with the grant that opened it. */
export async function bindSession(db: Kysely<Tables>, id: string, server: string, grant: string): Promise<void> {
  await sql`
    insert into holdfast.sessions (id, server, grant_name, opened_at)
    values (${id}, ${server}, ${grant}, clock_timestamp()) on conflict (id, server) do nothing`.execute(db);
}

export async function sessionGrant(db: Kysely<Tables>, id: string, server: string): Promise<string | null> {
  const row = await db
    .selectFrom('holdfast.sessions')
    .select('grant_name')
    .where('id', '=', id)
    .where('server', '=', server)
    .executeTakeFirst();
  return row?.grant_name ?? null;
}

export async function unbindSession(db: Kysely<Tables>, id: string, server: string): Promise<void> {
  await db.deleteFrom('holdfast.sessions').where('id', '=', id).where('server', '=', server).execute();
}

/** The name that the session's client gave itself at `initialize`. */
export async function nameClient(db: Kysely<Tables>, session: string, server: string, client: string): Promise<void> {
  await sql`
    update holdfast.sessions set client = ${client} where id = ${session} and server = ${server}`.execute(db);
}

export async function clientOf(db: Kysely<Tables>, session: string, server: string): Promise<string | null> {
  const found = await sql<{ client: string | null }>`
    select client from holdfast.sessions where id = ${session} and server = ${server}`.execute(db);
  return found.rows[0]?.client ?? null;
}
