import { type Selectable, sql } from 'kysely';
import { rowText } from '../table/sealed-tables.ts';
import type { IssuedStateTable } from '../table/task-tables.ts';
import type { SetTable } from './set-table.ts';

export type IssuedRow = Selectable<IssuedStateTable>;

/** The columns of `IssuedRow`. */
export const ISSUED_ROW = sql.raw('n, digest, grant_name, server, approval_id, issued_at, until, seal');

export function issuedText(row: Omit<IssuedRow, 'n' | 'seal'>): string {
  return rowText('issued_states', row);
}

/** The states that servers gave to gated calls: while one is there, no other request may bring it. */
export const ISSUED_SET: SetTable<IssuedRow> = {
  name: 'issued_states',
  kind: 'row',
  rows: sql`select ${ISSUED_ROW} from holdfast.issued_states where approval_id is not null`,
  id: 'n',
  idOf: ({ n }) => String(n),
  text: issuedText,
};
