import { type Selectable, sql } from 'kysely';
import { rowText } from '../table/sealed-tables.ts';
import type { AskedRequestTable } from '../table/task-tables.ts';
import type { SetTable } from './set-table.ts';

/** A request as the set reads it: of what the server asked, the digest. */
export type AskedSetRow = Omit<Selectable<AskedRequestTable>, 'answered_at' | 'kept'> & { readonly kept: string };

/** The columns of `AskedSetRow`. Once for all statements that add to the set or take from it. */
export const ASKED_ROW = sql.raw(`n, approval_id, grant_name, server, session, request_key, digest,
  encode(sha256(kept), 'hex') as kept, asked_at, seal`);

export function askedText(row: Omit<AskedSetRow, 'n' | 'seal'>): string {
  return rowText('asked_requests', row);
}

/**
 * The requests that servers sent during gated calls and that were not answered: while one is there, its answer needs what
 * the call's answers need. One that no gateway sealed is closed, and its answer refused as one that comes too late.
 */
export const ASKED_SET: SetTable<AskedSetRow> = {
  name: 'asked_requests',
  kind: 'row',
  rows: sql`select ${ASKED_ROW} from holdfast.asked_requests where answered_at is null`,
  id: 'n',
  idOf: ({ n }) => String(n),
  text: askedText,
  disown: async (trx, ids) => {
    await sql`
      update holdfast.asked_requests set answered_at = clock_timestamp()
      where n::text = any(${[...ids]}::text[])`.execute(trx);
  },
};
