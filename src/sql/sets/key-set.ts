import { type Selectable, sql } from 'kysely';
import type { Seals } from '../../ports.ts';
import { writeRows } from '../connection/not-taken.ts';
import type { PersonKeyTable } from '../table/people-tables.ts';
import { rowText } from '../table/sealed-tables.ts';
import type { Db } from '../table/tables.ts';
import { type LoggedEnd, loggedEnds } from './logged-ends.ts';
import type { NamedRow, SetTable } from './set-table.ts';

/** A key as the set reads it: the counter as a number. */
export type PersonKeyRow = Selectable<PersonKeyTable>;

export function personKeyText(row: Omit<PersonKeyRow, 'seal'>): string {
  return rowText('person_keys', { ...row, break_glass: row.break_glass ? 1 : 0 });
}

/** People's passkeys, those too that wait or are over: one that is brought back to life is not what a gateway left. */
export const KEY_SET: SetTable<PersonKeyRow> = {
  name: 'person_keys',
  kind: 'row',
  rows: sql`select id, owner, name, public_key, algorithm, origin, counter::float8 as counter, at, registered_at,
    registered_by, break_glass, ended_at, ended_by, ended, seal
    from holdfast.person_keys order by at desc, id desc`,
  id: 'id',
  idOf: ({ id }) => id,
  text: personKeyText,
  named: revivedKeys,
  endsInPlace: true,
  disown: async (trx, ids) => {
    await sql`delete from holdfast.person_keys where id = any(${[...ids]}::text[])`.execute(trx);
  },
};

/** Passkeys that the log says are over, and that are good by their rows: these were put back to before. */
async function revivedKeys(trx: Db, seals: Seals, rows: readonly PersonKeyRow[]): Promise<readonly NamedRow[]> {
  const ends = await loggedEnds(trx, seals, ['key.revoked', 'key.suspended']);
  return rows.flatMap((row): NamedRow[] => {
    const end = ends.find(({ id }) => id === row.id);
    // What no gateway left is taken out of the set in any case.
    if (end === undefined || row.ended_at !== null || !seals.fits('row', personKeyText(row), row.seal)) return [];
    const about = `the passkey of ${row.owner} was ${howOf(end)} by ${end.by} at ${end.at.toISOString()}`;
    return [{ row: row.id, about, putBack: end.isOwn ? (inside) => endAgain(inside, seals, row, end) : null }];
  });
}

async function endAgain(trx: Db, seals: Seals, row: PersonKeyRow, end: LoggedEnd): Promise<void> {
  const ended = howOf(end);
  const seal = seals.seal('row', personKeyText({ ...row, ended_at: end.at, ended_by: end.by, ended }));
  const update = sql`
    update holdfast.person_keys set ended_at = ${end.at}::timestamptz, ended_by = ${end.by}::text, ended = ${ended}::text,
      seal = ${seal}::text where id = ${row.id}`;
  await writeRows(trx, 'person_keys', 1, update);
}

function howOf({ type }: LoggedEnd): 'revoked' | 'suspended' {
  return type === 'key.suspended' ? 'suspended' : 'revoked';
}
