import { type Kysely, type Selectable, sql } from 'kysely';
import type { Login, PersonLogin, PersonLogins, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { requireTaken } from './connection/not-taken.ts';
import { writeEvents } from './log/events.ts';
import { PersonEmails } from './person-emails.ts';
import { type Beliefs, sqlBeliefs } from './sets/beliefs.ts';
import type { PersonLoginTable } from './table/people-tables.ts';
import type { Tables } from './table/tables.ts';

/** The `PersonLogins` port: a second row of a login, believed with its seal, and gone with the login's own. */
export function sqlPersonLogins(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Beliefs = sqlBeliefs(db, seals),
): PersonLogins {
  const { tables } = beliefs;
  const emails = new PersonEmails(db, seals, beliefs);
  return guarded<PersonLogins>({
    begin: (login, person, event) =>
      db.transaction().execute(async (trx) => {
        await trx.deleteFrom('holdfast.logins').where('ends_at', '<', login.at).execute();
        const used = await sql`select 1 from holdfast.person_logins where flow = ${person.flow}`.execute(trx);
        if (used.rows.length > 0) return false;
        const own = loginRow(login);
        const first = await trx
          .insertInto('holdfast.logins')
          .values({ ...own, seal: tables.seal('logins', own) })
          .executeTakeFirst();
        requireTaken('logins', first.numInsertedOrUpdatedRows, 1);
        const row = personRow(person);
        const second = await trx
          .insertInto('holdfast.person_logins')
          .values({ ...row, seal: tables.seal('person_logins', row) })
          .onConflict((conflict) => conflict.column('flow').doNothing())
          .executeTakeFirst();
        // Another callback of the same sign-in was first: nothing of this one stays.
        if (second.numInsertedOrUpdatedRows !== 1n) {
          await sql`delete from holdfast.logins where id = ${login.id}`.execute(trx);
          return false;
        }
        await writeEvents(trx, seals, [event]);
        return true;
      }),
    find: async (id) => {
      const row = await db.selectFrom('holdfast.person_logins').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined || !tables.believes('person_logins', row) ? null : personOf(row);
    },
    claim: async (id, ms) => {
      const claimed = await sql`
        update holdfast.person_logins
        set checking_until = clock_timestamp() + make_interval(secs => ${ms / 1_000}::double precision)
        where id = ${id} and (checking_until is null or checking_until <= clock_timestamp()
          or checking_until > clock_timestamp() + interval '5 minutes')`.execute(db);
      return claimed.numAffectedRows === 1n;
    },
    confirmed: async (person) => {
      const row = personRow(person);
      await db
        .updateTable('holdfast.person_logins')
        .set({ ...row, seal: tables.seal('person_logins', row), checking_until: null })
        .where('id', '=', person.id)
        .execute();
    },
    release: async (id) => {
      await sql`update holdfast.person_logins set checking_until = null where id = ${id}`.execute(db);
    },
    endedBy: async ({ issuer, session, subject }) => {
      const rows = await db
        .selectFrom('holdfast.person_logins')
        .selectAll()
        .where('issuer', '=', issuer)
        .$if(session === null, (query) => query.where('subject', '=', subject))
        .$if(session !== null && subject === null, (query) => query.where('session', '=', session))
        .$if(session !== null && subject !== null, (query) =>
          query
            .where('subject', '=', subject)
            .where((where) => where.or([where('session', '=', session), where('session', 'is', null)])),
        )
        .execute();
      return rows.filter((row) => tables.believes('person_logins', row)).map(personOf);
    },
    beyond: async ({ issuer, subject }, most) => {
      const rows = await db
        .selectFrom('holdfast.person_logins')
        .select('id')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .orderBy('checked_at', 'desc')
        .offset(most)
        .execute();
      return rows.map(({ id }) => id);
    },
    holdEmail: (email, account, at) => emails.hold(email, account, at),
  });
}

function loginRow({ id, reviewer, credential, at, seenAt, endsAt }: Login) {
  return { id, reviewer, credential, at, seen_at: seenAt, ends_at: endsAt };
}

/** What is in one column, as JSON. */
type Said = Pick<PersonLogin, 'began' | 'onlyInIdToken'> & Pick<PersonLogin['identity'], 'lacking' | 'values'>;

function personRow({ id, flow, session, identity, onlyInIdToken, began, checkedAt, kept }: PersonLogin) {
  const { issuer, subject, email, name, values, lacking } = identity;
  const said = JSON.stringify({ values, lacking, onlyInIdToken, began } satisfies Said).toWellFormed();
  return {
    ...{ id, flow, issuer, subject: subject.toWellFormed(), session, email, name: name.toWellFormed(), said },
    ...{ checked_at: checkedAt, kept },
  };
}

function personOf(row: Selectable<PersonLoginTable>): PersonLogin {
  const { id, flow, session, issuer, subject, email, name, checked_at, kept } = row;
  const { values, lacking, onlyInIdToken, began } = JSON.parse(row.said) as Said;
  const identity = { issuer, subject, email, name, values, lacking };
  return { id, flow, session, identity, onlyInIdToken, began, checkedAt: checked_at, kept };
}
