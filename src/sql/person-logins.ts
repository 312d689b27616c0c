import { type Kysely, type Selectable, sql } from 'kysely';
import type { ProvenIdentity } from '../domain/people/identity.ts';
import type { EndedAtProvider, Login, PersonLogin, PersonLogins, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { requireTaken } from './connection/not-taken.ts';
import { writeEvents } from './log/events.ts';
import { sqlBeliefs } from './sets/beliefs.ts';
import type { PersonLoginTable } from './table/people-tables.ts';
import type { SealedTables } from './table/sealed-tables.ts';
import type { Tables } from './table/tables.ts';

/** The `PersonLogins` port: a second row of a login, believed with its seal, and gone with the login's own. */
export function sqlPersonLogins(db: Kysely<Tables>, seals: Seals, { tables } = sqlBeliefs(db, seals)): PersonLogins {
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
    endedBy: async (which) => {
      const rows = await db
        .selectFrom('holdfast.person_logins')
        .selectAll()
        .where('issuer', '=', which.issuer)
        .where(...columnOf(which))
        .execute();
      return rows.filter((row) => tables.believes('person_logins', row)).map(personOf);
    },
    ownsEmail: (email, account, at) => ownsEmail(db, tables, email, account, at),
  });
}

function columnOf(which: EndedAtProvider): ['session' | 'subject', '=', string] {
  return 'session' in which ? ['session', '=', which.session] : ['subject', '=', which.subject];
}

/** The first account that comes with an address keeps it. A row that no gateway wrote lets nobody in. */
async function ownsEmail(
  db: Kysely<Tables>,
  tables: SealedTables,
  email: string,
  { issuer, subject }: Pick<ProvenIdentity, 'issuer' | 'subject'>,
  at: Date,
): Promise<boolean> {
  const row = { email, issuer, subject, at };
  await db
    .insertInto('holdfast.person_emails')
    .values({ ...row, seal: tables.seal('person_emails', row) })
    .onConflict((conflict) => conflict.column('email').doNothing())
    .execute();
  const found = await db.selectFrom('holdfast.person_emails').selectAll().where('email', '=', email).executeTakeFirst();
  if (found === undefined || !tables.believes('person_emails', found)) return false;
  return found.issuer === issuer && found.subject === subject;
}

function loginRow({ id, reviewer, credential, at, seenAt, endsAt }: Login) {
  return { id, reviewer, credential, at, seen_at: seenAt, ends_at: endsAt };
}

function personRow({ id, flow, session, identity, checkedAt, kept }: PersonLogin) {
  const { issuer, subject, email, name, values, lacking } = identity;
  const said = JSON.stringify({ values, lacking }).toWellFormed();
  return {
    ...{ id, flow, issuer, subject: subject.toWellFormed(), session, email, name: name.toWellFormed(), said },
    ...{ checked_at: checkedAt, kept },
  };
}

function personOf(row: Selectable<PersonLoginTable>): PersonLogin {
  const { id, flow, session, issuer, subject, email, name, checked_at, kept } = row;
  const { values, lacking } = JSON.parse(row.said) as Pick<ProvenIdentity, 'values' | 'lacking'>;
  const identity = { issuer, subject, email, name, values, lacking };
  return { id, flow, session, identity, checkedAt: checked_at, kept };
}
