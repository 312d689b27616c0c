import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../table/tables.ts';

/**
 * The database answered, and has not taken what it was sent: a trigger or a rule of somebody else's keeps rows out. Thrown
 * inside a transaction, so that nothing of it is done. `guarded` makes `Swallowed` of it.
 */
export class NotTaken extends Error {
  readonly table: string;
  constructor(table: string, message: string) {
    super(message);
    this.table = table;
  }
}

/** By which `readNotTaken` knows the message of a statement that failed by itself. */
const NOT_TAKEN = 'holdfast took';

/** Throws `NotTaken` where the database took fewer rows than it was sent. `taken`: as its driver counts them. */
export function requireTaken(table: string, taken: bigint | number | undefined, sent: number): void {
  if (Number(taken ?? 0) < sent) throw notTaken(table, Number(taken ?? 0), sent);
}

function notTaken(table: string, taken: number, sent: number): NotTaken {
  const words = `the database took ${taken} of ${sent} rows of holdfast.${table}: a trigger, a rule or a policy there keeps out what Holdfast writes`;
  return new NotTaken(table, words);
}

/** Runs a statement that writes this many rows. Throws `NotTaken`. */
export async function writeRows(db: Db, table: string, rows: number, statement: RawBuilder<unknown>): Promise<void> {
  requireTaken(table, (await statement.execute(db)).numAffectedRows, rows);
}

/**
 * A column that makes its statement fail, and so undoes all of it, unless `taken` is `due`: what a trigger takes out of
 * one table must not be written to the others. Both are queries of one number, or it is known. SQL has no other way to fail
 * by itself, and a function that raises could be replaced: a text that is no number cannot be cast to one.
 */
export function tookAll(
  table: string,
  taken: RawBuilder<unknown>,
  due: RawBuilder<unknown> | number,
): RawBuilder<unknown> {
  const sent = typeof due === 'number' ? sql`${due}::int` : sql`(${due})`;
  return sql`case when (${taken}) = ${sent} then 0
    else (${sql.lit(`${NOT_TAKEN} `)} || (${taken})::text || ' of ' || ${sent}::text || ${sql.lit(` ${table}`)})::int end`;
}

/** All of the message, or, in whatever language, the value in quotes at its end. */
const TOOK = new RegExp(`(?:^|[^a-z0-9_ ])${NOT_TAKEN} (\\d+) of (\\d+) ([a-z_]+)[^a-z0-9_ ]?$`);
/** Postgres' codes: a text that is none of its type, an exception that is raised. */
const CODES: ReadonlySet<unknown> = new Set(['22P02', 'P0001']);

/** What an error of the database says of rows that it did not take; null: it is about something else. */
export function readNotTaken(error: unknown): NotTaken | null {
  if (error instanceof NotTaken) return error;
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (!CODES.has(code)) return null;
  const [, taken, sent, table] = TOOK.exec(String(message)) ?? [];
  return table === undefined ? null : notTaken(table, Number(taken), Number(sent));
}
