import { type RawBuilder, sql } from 'kysely';

/** How an error begins by which a statement fails that `takenWhole` watches. */
const TOLD = /took \d+ of \d+ rows of holdfast\.\w+/;

/** The database did not take a row that it was sent: somebody put a trigger or a rule in between. Nothing is written. */
export class NotTakenWhole extends Error {}

/**
 * A column of a statement's last `select` that makes the whole statement fail where its part `taken` has another number of
 * rows than `due`: what a trigger takes out of one table must not be written to the others. Both are subqueries that
 * return a number.
 */
export function takenWhole(table: string, taken: RawBuilder<unknown>, due: RawBuilder<unknown>): RawBuilder<unknown> {
  const told = sql`'took ' || (${taken}) || ' of ' || (${due}) || ${` rows of holdfast.${table}`}::text`;
  return sql`case when (${taken}) = (${due}) then null else (${told})::int end`;
}

/** What such a statement fails with; any other error is returned as it is. */
export function asNotTaken(error: unknown): unknown {
  const told = TOLD.exec(error instanceof Error ? error.message : '');
  return told === null
    ? error
    : new NotTakenWhole(`${told[0]}: a trigger or a rule keeps it from them`, { cause: error });
}
