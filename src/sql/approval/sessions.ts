import { type Kysely, sql } from 'kysely';
import type { Tables } from '../table/tables.ts';

/** The first binding stands: a session id that an upstream hands out twice stays with the grant that opened it. */
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
