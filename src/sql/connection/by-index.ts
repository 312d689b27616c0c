import { type Kysely, type QueryResult, type RawBuilder, sql } from 'kysely';
import type { Tables } from '../table/tables.ts';
import { THEN_COMMIT, WITH_THE_NEXT } from './joined-statements.ts';

/**
 * Plans of this transaction go by indexes, in their order: what is planned while a table is empty, and kept, would look through
 * all of it when it is long.
 */
export const BY_INDEX: RawBuilder<unknown> = sql`
  set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`;

/**
 * Runs a read in one message, whose plan is kept and goes by indexes.
 */
export async function readByIndex<T>(db: Kysely<Tables>, read: RawBuilder<T>): Promise<QueryResult<T>> {
  return db.transaction().execute(async (trx) => {
    await sql`${WITH_THE_NEXT} select ${BY_INDEX}`.execute(trx);
    return sql<T>`${THEN_COMMIT} ${read}`.execute(trx);
  });
}
