import { type Selectable, sql } from 'kysely';
import type { PersonKeyTable } from '../table/people-tables.ts';
import { rowText } from '../table/sealed-tables.ts';
import type { SetTable } from './set-table.ts';

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
  disown: async (trx, ids) => {
    await sql`delete from holdfast.person_keys where id = any(${[...ids]}::text[])`.execute(trx);
  },
};
