import { type Kysely, type Selectable, sql } from 'kysely';
import { MOST_SNOOZES, type Snooze } from '../domain/approval/snooze.ts';
import type { DueSnooze, Snoozes } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import type { SealedTables } from './table/sealed-tables.ts';
import type { SnoozeTable } from './table/snooze-table.ts';
import type { Tables } from './table/tables.ts';

/** How often somebody is told at most, and the seconds between. */
const MOST_TRIES = 5;
const BETWEEN_S = 60;
/** Rows of one person that are read: more than they may have are not a gateway's. */
const MOST_READ = MOST_SNOOZES * 2;

type Row = Selectable<SnoozeTable>;

/**
 * The `Snoozes` port. A row hides a question from its person, so it is believed with its seal only. What is not sealed, when
 * and how often its person is told, can make a reminder come early, late or never.
 */
export function sqlSnoozes(db: Kysely<Tables>, tables: SealedTables): Snoozes {
  return guarded<Snoozes>({
    set: (snooze, now) =>
      db.transaction().execute(async (trx) => {
        const { approval, person, slack, at, until } = snooze;
        // One at a time for one person, so that two doors at once do not both take the last place.
        await sql`select pg_advisory_xact_lock(hashtextextended(${`snoozes of ${person}`}, 0))`.execute(trx);
        const held = await sql<{ held: number }>`
          select count(*)::int as held from holdfast.snoozes s join holdfast.approvals a on a.id = s.approval_id
          where s.person = ${person} and s.approval_id <> ${approval} and s.until > ${now} and a.state = 'pending'`.execute(
          trx,
        );
        if (held.rows[0]!.held >= MOST_SNOOZES) return false;
        const seal = tables.seal('snoozes', { approval_id: approval, person, slack, at, until });
        await sql`
          insert into holdfast.snoozes (approval_id, person, slack, at, until, tell_at, tries, seal)
          values (${approval}, ${person}, ${slack}, ${at}, ${until}, ${slack === null ? null : until}, 0, ${seal})
          on conflict (person, approval_id) do update set slack = excluded.slack, at = excluded.at,
            until = excluded.until, tell_at = excluded.tell_at, tries = 0, seal = excluded.seal`.execute(trx);
        return true;
      }),
    end: async (person, approval, now) => {
      const ended = await sql<{ until: Date }>`
        delete from holdfast.snoozes where person = ${person} and approval_id = ${approval} returning until`.execute(
        db,
      );
      return ended.rows.some(({ until }) => until > now);
    },
    of: async (person, now) => {
      const found = await sql<Row>`
        select s.* from holdfast.snoozes s join holdfast.approvals a on a.id = s.approval_id
        where s.person = ${person} and s.until > ${now} and a.state = 'pending'
        order by s.until limit ${MOST_READ}`.execute(db);
      return found.rows
        .filter((row) => tables.believes('snoozes', row))
        .slice(0, MOST_SNOOZES)
        .map(snoozeOf);
    },
    due: async (now, limit) => {
      const found = await sql<Row>`
        update holdfast.snoozes s set tries = s.tries + 1,
          tell_at = case when s.tries + 1 >= ${MOST_TRIES} then null
            else ${now}::timestamptz + ${BETWEEN_S} * interval '1 second' end
        from (select person, approval_id from holdfast.snoozes where tell_at <= ${now}
          order by tell_at limit ${limit} for update skip locked) d
        where s.person = d.person and s.approval_id = d.approval_id returning s.*`.execute(db);
      return found.rows
        .filter((row) => tables.believes('snoozes', row))
        .map(snoozeOf)
        .filter((snooze): snooze is DueSnooze => snooze.slack !== null);
    },
    told: async (person, approval) => {
      await sql`
        update holdfast.snoozes set tell_at = null
        where person = ${person} and approval_id = ${approval}`.execute(db);
    },
    forget: async (now, limit) => {
      await sql`
        delete from holdfast.snoozes where (person, approval_id) in (
          select s.person, s.approval_id from holdfast.snoozes s left join holdfast.approvals a on a.id = s.approval_id
          where a.state is distinct from 'pending' or s.until < ${now}::timestamptz - interval '1 hour'
          limit ${limit})`.execute(db);
    },
  });
}

function snoozeOf({ approval_id: approval, person, slack, at, until }: Row): Snooze {
  return { approval, person, slack, at, until };
}
