import { type Kysely, sql } from 'kysely';
import { loginMark } from '../domain/log/marks.ts';
import type { Login, Logins, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { requireTaken, writeRows } from './connection/not-taken.ts';
import { writeEvents } from './log/events.ts';
import { sqlBeliefs } from './sets/beliefs.ts';
import type { SealedTables } from './table/sealed-tables.ts';
import type { Tables } from './table/tables.ts';

/**
 * The `Logins` port: one row per login, so that every replica knows it and any of them can end it. A row is believed with
 * its seal, which covers when it was used last, and not once the log says that its reviewer has signed out: a true row
 * that was put back signs nobody in.
 */
export function sqlLogins(db: Kysely<Tables>, seals: Seals, { tables } = sqlBeliefs(db, seals)): Logins {
  return guarded<Logins>({
    begin: (login, event) =>
      db.transaction().execute(async (trx) => {
        await trx.deleteFrom('holdfast.logins').where('ends_at', '<', login.at).execute();
        const row = rowOf(login);
        const added = await trx
          .insertInto('holdfast.logins')
          .values({ ...row, seal: tables.seal('logins', row) })
          .executeTakeFirst();
        requireTaken('logins', added.numInsertedOrUpdatedRows, 1);
        await writeEvents(trx, seals, [event]);
      }),
    find: (id) => find(db, tables, id),
    seen: async (login, at) => {
      const seal = tables.seal('logins', { ...rowOf(login), seen_at: at });
      await sql`
        update holdfast.logins set seen_at = ${at}, seal = ${seal}
        where id = ${login.id} and seen_at < ${at}`.execute(db);
    },
    end: (id, event) =>
      db.transaction().execute(async (trx) => {
        const there = await sql`select 1 from holdfast.logins where id = ${id} for update`.execute(trx);
        if (there.rows.length === 0) return;
        await writeRows(trx, 'logins', 1, sql`delete from holdfast.logins where id = ${id}`);
        await writeEvents(trx, seals, [event]);
      }),
  });
}

function rowOf({ id, reviewer, credential, at, seenAt, endsAt }: Login) {
  return { id, reviewer, credential, at, seen_at: seenAt, ends_at: endsAt };
}

async function find(db: Kysely<Tables>, tables: SealedTables, id: string): Promise<Login | null> {
  const row = await db
    .selectFrom('holdfast.logins as l')
    .select(['l.id', 'l.reviewer', 'l.credential', 'l.at', 'l.seen_at', 'l.ends_at', 'l.seal'])
    .where('l.id', '=', id)
    .where(hasNotSignedOut(id))
    .executeTakeFirst();
  if (row === undefined || !tables.believes('logins', row)) return null;
  const { reviewer, credential, at } = row;
  return { id, reviewer, credential, at, seenAt: row.seen_at, endsAt: row.ends_at };
}

/** Whoever signed out, in the log's own words: the event names the login as `loginMark` does. */
function hasNotSignedOut(id: string) {
  // In a canonical text this can only be the event's own member: inside a string the quotes are escaped.
  return sql<boolean>`not exists (select 1 from holdfast.events e
    where split_part(right(e.body, 48), '"type":"', 2) = 'admin.signed_out"}'
      and substr(e.body, strpos(e.body, '"login":"') + 9, 12) = ${loginMark(id)})`;
}
