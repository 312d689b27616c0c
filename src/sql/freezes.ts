import { type Kysely, type RawBuilder, type Selectable, sql, type Transaction } from 'kysely';
import { type Freeze, type FreezeScope, MOST_FREEZES, scopeName } from '../domain/freeze/freeze.ts';
import type { Freezes, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { NotTaken, requireTaken } from './connection/not-taken.ts';
import { writeEvents } from './log/events.ts';
import { changeSet } from './log/sealed-set.ts';
import { BelievedFreezes } from './sets/believed-freezes.ts';
import { FREEZE_SET, type FreezeRow, freezeOf, insertFreeze } from './sets/freeze-set.ts';
import { rowText } from './table/sealed-tables.ts';
import type { FreezeTable, Tables } from './table/tables.ts';

type LiftedRow = Selectable<FreezeTable>;

/** Cards that are brought up to date at once; the sweep finds the others. */
const MOST_CONCERNED = 500;
/** How long a freeze waits for the transactions under way that look at the freezes. */
const LOCK_WAIT = '2s';
/** Postgres' codes for a lock that was not had in time. */
const LOCK_NOT_HAD = new Set(['55P03', '57014']);

/**
 * The `Freezes` port. A freeze that is set waits for every transaction under way that has found nothing frozen, and
 * keeps new ones out until it is committed. Should one of them hang, the freeze waits no longer than 2 s for it: a stop
 * must not depend on what it stops. What that one has taken then counts as taken before.
 */
export function sqlFreezes(db: Kysely<Tables>, seals: Seals, believed = new BelievedFreezes(db, seals, null)): Freezes {
  return guarded<Freezes>({
    list: async () => (await believed.read()).map(freezeOf),
    held: async () => {
      const found = await sql<{ id: string; pending: number; approved: number }>`
        select z.id, count(*) filter (where a.state = 'pending')::int as pending,
          count(*) filter (where a.state = 'approved')::int as approved
        from holdfast.freezes z join holdfast.approvals a on a.state in ('pending', 'approved') and (z.scope = 'all'
          or (z.scope = 'server' and z.name = a.server) or (z.scope = 'grant' and z.name in (a.grant_name, split_part(a.grant_name, '/', 1))))
        where z.lifted_at is null group by z.id`.execute(db);
      return new Map(found.rows.map(({ id, pending, approved }) => [id, { pending, approved }]));
    },
    set: async (freeze, event) => {
      const setting = (locked: boolean) => db.transaction().execute((trx) => set(trx, seals, freeze, event, locked));
      const done = await setting(true).catch((error: { code?: string }) => {
        if (!LOCK_NOT_HAD.has(error.code ?? '')) throw error;
        return setting(false);
      });
      // A trigger may take it out again as the transaction ends.
      if (done.kind === 'set' && !(await believed.isThere({ ...rowOf(freeze), seal: null }))) {
        throw new NotTaken('freezes', `the database took the freeze ${freeze.id} and does not hold it`);
      }
      return done;
    },
    lift: (id, lifting, event) =>
      db.transaction().execute(async (trx) => {
        const lifted = await sql<LiftedRow>`
          update holdfast.freezes
          set lifted_at = ${lifting.at}, lifted_by = ${lifting.by}, lifted_reason = ${lifting.reason}
          where id = ${id} and lifted_at is null returning *`.execute(trx);
        const row = lifted.rows[0];
        if (row === undefined) return before(trx, id);
        const freeze = freezeOf(row);
        await changeSet(trx, seals, FREEZE_SET.name, { removed: [rowText('freezes', row)] });
        await writeEvents(trx, seals, [event(freeze)]);
        return { kind: 'lifted', freeze, concerned: await concernedBy(trx, freeze.scope) };
      }),
  });
}

async function set(
  trx: Transaction<Tables>,
  seals: Seals,
  freeze: Freeze,
  event: Parameters<Freezes['set']>[1],
  locked: boolean,
): ReturnType<Freezes['set']> {
  if (locked) {
    await sql`set local lock_timeout = ${sql.lit(LOCK_WAIT)}`.execute(trx);
    await sql`lock table holdfast.freezes in exclusive mode`.execute(trx);
  }
  const { scope } = freeze;
  const row = rowOf(freeze);
  const rows = (await sql<FreezeRow>`${FREEZE_SET.rows}`.execute(trx)).rows;
  const same = rows.find((one) => one.scope === scope.kind && one.name === row.name);
  if (same !== undefined) return { kind: 'exists', freeze: freezeOf(same) };
  if (rows.length >= MOST_FREEZES) return { kind: 'crowded' };
  await insertFreeze(trx, seals, row);
  await changeSet(trx, seals, FREEZE_SET.name, { added: [rowText('freezes', row)] });
  await writeEvents(trx, seals, [event]);
  return { kind: 'set', concerned: await concernedBy(trx, scope) };
}

function rowOf({ id, scope, reason, by, since }: Freeze): Omit<FreezeRow, 'seal'> {
  return { id, scope: scope.kind, name: scopeName(scope), reason, by, since };
}

async function before(trx: Transaction<Tables>, id: string): ReturnType<Freezes['lift']> {
  const row = await trx.selectFrom('holdfast.freezes').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return { kind: 'not_found' };
  // It is in force, and the statement before this one was to end it.
  if (row.lifted_at === null) requireTaken('freezes', 0, 1);
  return { kind: 'already', freeze: freezeOf(row), liftedAt: row.lifted_at!, liftedBy: row.lifted_by ?? '' };
}

/** What waits under this scope: pending and approved approvals. */
async function concernedBy(trx: Transaction<Tables>, scope: FreezeScope): Promise<readonly string[]> {
  const where =
    scope.kind === 'all'
      ? sql`true`
      : scope.kind === 'server'
        ? sql`server = ${scope.name}`
        : sql`${scope.name}::text in (grant_name, split_part(grant_name, '/', 1))`;
  const found = await sql<{ id: string }>`
    select id from holdfast.approvals where state in ('pending', 'approved') and ${where}
    order by id limit ${MOST_CONCERNED}`.execute(trx);
  return found.rows.map((row) => row.id);
}

/** The id of the freeze that the card of an approval `a` has to tell of, as `freezeOver` chooses it. */
export const FREEZE_TO_TELL: RawBuilder<unknown> = sql`(select z.id from holdfast.freezes z
  where z.lifted_at is null and a.state in ('pending', 'approved') and (z.scope = 'all'
    or (z.scope = 'server' and z.name = a.server) or (z.scope = 'grant' and z.name in (a.grant_name, split_part(a.grant_name, '/', 1))))
  order by case z.scope when 'all' then 0 when 'server' then 1 else 2 end, length(z.name) limit 1)`;
