import { type Kysely, sql } from 'kysely';
import type { Login, Logins, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { writeEvents } from './log/events.ts';
import type { Tables } from './table/tables.ts';

/** The `Logins` port: one row per login, so that every replica knows it and any of them can end it. */
export function sqlLogins(db: Kysely<Tables>, seals: Seals): Logins {
  return guarded<Logins>({
    begin: (login, event) =>
      db.transaction().execute(async (trx) => {
        await trx.deleteFrom('holdfast.logins').where('ends_at', '<', login.at).execute();
        await trx
          .insertInto('holdfast.logins')
          .values({
            id: login.id,
            reviewer: login.reviewer,
            credential: login.credential,
            at: login.at,
            seen_at: login.seenAt,
            ends_at: login.endsAt,
          })
          .execute();
        await writeEvents(trx, seals, [event]);
      }),
    find: (id) => find(db, id),
    seen: async (id, at) =>
      void (await sql`update holdfast.logins set seen_at = greatest(seen_at, ${at}) where id = ${id}`.execute(db)),
    end: (id, event) =>
      db.transaction().execute(async (trx) => {
        const deleted = await trx.deleteFrom('holdfast.logins').where('id', '=', id).executeTakeFirst();
        if (deleted.numDeletedRows > 0n) await writeEvents(trx, seals, [event]);
      }),
  });
}

async function find(db: Kysely<Tables>, id: string): Promise<Login | null> {
  const row = await db.selectFrom('holdfast.logins').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return null;
  const { reviewer, credential, at } = row;
  return { id, reviewer, credential, at, seenAt: row.seen_at, endsAt: row.ends_at };
}
