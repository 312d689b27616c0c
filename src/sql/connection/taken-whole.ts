import { type RawBuilder, sql } from 'kysely';
import { NOT_TAKEN, readNotTaken } from './not-taken.ts';

/**
 * A column of a statement's last `select` that makes the whole statement fail where its part `taken` has another number of
 * rows than `due`: what a trigger takes out of one table must not be written to the others. Both are subqueries that
 * return a number.
 */
export function takenWhole(table: string, taken: RawBuilder<unknown>, due: RawBuilder<unknown>): RawBuilder<unknown> {
  const told = sql`${`${NOT_TAKEN} `}::text || (${taken}) || ' of ' || (${due}) || ${` ${table}`}::text`;
  return sql`case when (${taken}) = (${due}) then null else (${told})::int end`;
}

/** What such a statement fails with; any other error is returned as it is. */
export function asNotTaken(error: unknown): unknown {
  return readNotTaken(error) ?? error;
}
