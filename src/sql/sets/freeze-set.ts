import { type Selectable, sql } from 'kysely';
import { type Freeze, freezeWords } from '../../domain/freeze/freeze.ts';
import type { AcceptPlan, Seals } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import { writeEvents } from '../log/events.ts';
import { rowText } from '../table/sealed-tables.ts';
import type { Db, FreezeTable } from '../table/tables.ts';
import { loggedFreezes } from './logged-freezes.ts';
import type { NamedRow, SetTable } from './set-table.ts';

/** What of a freeze's row says what it stops; the rest tells how it was lifted. */
export type FreezeRow = Omit<Selectable<FreezeTable>, 'lifted_at' | 'lifted_by' | 'lifted_reason'>;

/** The freezes in force. One that is lifted leaves the set, and its row stays. */
export const FREEZE_SET: SetTable<FreezeRow> = {
  name: 'freezes',
  kind: 'row',
  rows: sql`select id, scope, name, reason, "by", since, seal from holdfast.freezes where lifted_at is null
    order by since, id`,
  id: 'id',
  idOf: ({ id }) => id,
  text: (row) => rowText('freezes', row),
  named: missingFreezes,
};

export function freezeOf({ id, scope, name, reason, by, since }: Omit<FreezeRow, 'seal'>): Freeze {
  return { id, scope: scope === 'all' ? { kind: 'all' } : { kind: scope, name: name ?? '' }, reason, by, since };
}

/** Throws `NotTaken`. */
export async function insertFreeze(trx: Db, seals: Seals, row: Omit<FreezeRow, 'seal'>): Promise<void> {
  const added = await trx
    .insertInto('holdfast.freezes')
    .values({
      ...{ id: row.id, scope: row.scope, name: row.name, reason: row.reason, by: row.by, since: row.since },
      ...{ lifted_at: null, lifted_by: null, lifted_reason: null, seal: seals.seal('row', rowText('freezes', row)) },
    })
    .executeTakeFirst();
  requireTaken('freezes', added.numInsertedOrUpdatedRows, 1);
}

/** What was frozen, as the log says it, and is not; each scope once. */
async function missingFreezes(
  trx: Db,
  seals: Seals,
  rows: readonly FreezeRow[],
  plan: AcceptPlan,
): Promise<readonly NamedRow[]> {
  const scopeOf = ({ scope, name }: Pick<FreezeRow, 'name' | 'scope'>): string => JSON.stringify([scope, name]);
  const frozen = new Set(rows.map(scopeOf));
  const missing: NamedRow[] = [];
  // Those first that a gateway wrote.
  for (const one of (await loggedFreezes(trx, seals, 0)).toSorted((a, b) => Number(b.isOwn) - Number(a.isOwn))) {
    if (frozen.has(scopeOf(one))) continue;
    frozen.add(scopeOf(one));
    const named = { row: one.id, about: freezeWords(freezeOf(one)) };
    missing.push({ ...named, putBack: one.isOwn ? (inside) => putBack(inside, seals, one, plan) : null });
  }
  return missing;
}

/** A row that was ended or changed stays as it is: what it was is set again, under an id of its own. */
async function putBack(trx: Db, seals: Seals, missing: Omit<FreezeRow, 'seal'>, plan: AcceptPlan): Promise<void> {
  const found = await sql`select 1 from holdfast.freezes where id = ${missing.id}`.execute(trx);
  if (found.rows.length === 0) return insertFreeze(trx, seals, missing);
  const { id, event } = plan.frozenAgain(freezeOf(missing));
  await insertFreeze(trx, seals, { ...missing, id });
  await writeEvents(trx, seals, [event]);
}
