import { type Selectable, sql } from 'kysely';
import type { Seals } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import { changeSet } from '../log/sealed-set.ts';
import type { CounterProposalTable } from '../table/allowance-tables.ts';
import { rowText } from '../table/sealed-tables.ts';
import type { Db } from '../table/tables.ts';
import type { SetTable } from './set-table.ts';

export type CounterProposalRow = Selectable<CounterProposalTable>;

const COLUMNS = sql.raw('id, approval_id, grant_name, server, tool, fingerprint, proposed_by, at, ended_at, seal');

/** Those whose approval was not over when somebody last looked. One that ends leaves the set, and its row stays. */
export const COUNTER_SET: SetTable<CounterProposalRow> = {
  name: 'counter_proposals',
  kind: 'row',
  rows: sql`select ${COLUMNS} from holdfast.counter_proposals where ended_at is null order by at, id`,
  id: 'id',
  idOf: ({ id }) => id,
  text: (row) => rowText('counter_proposals', row),
  disown: async (trx, ids) => {
    await sql`
      update holdfast.counter_proposals set ended_at = clock_timestamp(), seal = null
      where id = any(${[...ids]}::text[])`.execute(trx);
  },
};

/** Adds the row, with the head of its set. Throws `NotTaken`. */
export async function addCounterRow(trx: Db, seals: Seals, row: Omit<CounterProposalRow, 'seal'>): Promise<void> {
  const text = rowText('counter_proposals', row);
  const added = await trx
    .insertInto('holdfast.counter_proposals')
    .values({ ...row, seal: seals.seal('row', text) })
    .executeTakeFirst();
  requireTaken('counter_proposals', added.numInsertedOrUpdatedRows, 1);
  await changeSet(trx, seals, COUNTER_SET.name, { added: [text] });
}

/** Takes rows out of the set. Throws `NotTaken`. */
export async function endCounterRows(
  trx: Db,
  seals: Seals,
  rows: readonly CounterProposalRow[],
  at: Date,
): Promise<void> {
  for (const row of rows) {
    const next = { ...row, ended_at: at };
    const written = await sql`
      update holdfast.counter_proposals
      set ended_at = ${at}::timestamptz, seal = ${seals.seal('row', rowText('counter_proposals', next))}
      where id = ${row.id} and ended_at is null`.execute(trx);
    requireTaken('counter_proposals', written.numAffectedRows, 1);
    await changeSet(trx, seals, COUNTER_SET.name, { removed: [rowText('counter_proposals', row)] });
  }
}
