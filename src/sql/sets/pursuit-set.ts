import { type Selectable, sql } from 'kysely';
import { rowText } from '../table/sealed-tables.ts';
import type { FollowedTaskTable } from '../table/task-tables.ts';
import type { SetTable } from './set-table.ts';

/** A followed task as the set reads it: of how to ask for it, the digest. */
export type PursuitSetRow = Omit<Selectable<FollowedTaskTable>, 'held_until' | 'holder' | 'kept'> & {
  readonly kept: string;
};

/** The columns of `PursuitSetRow`. */
export const PURSUIT_ROW = sql.raw(
  `approval_id, dispatcher, task_id, grant_name, server, encode(sha256(kept), 'hex') as kept, started_at, seal`,
);

export function pursuitText(row: Omit<PursuitSetRow, 'seal'>): string {
  return rowText('pursuits', row);
}

/**
 * The tasks that servers made of approved calls: while one is there, no agent may name it. One that no gateway sealed is
 * not followed, and its call ends as unknown.
 */
export const PURSUIT_SET: SetTable<PursuitSetRow> = {
  name: 'pursuits',
  kind: 'row',
  rows: sql`select ${PURSUIT_ROW} from holdfast.pursuits`,
  id: 'approval_id',
  idOf: ({ approval_id }) => approval_id,
  text: pursuitText,
  disown: async (trx, ids) => {
    await sql`delete from holdfast.pursuits where approval_id = any(${[...ids]}::text[])`.execute(trx);
  },
};
