import { type Selectable, sql } from 'kysely';
import type { Acceptance, Seals } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import { writtenTo } from '../log/written.ts';
import type { AcceptanceTable } from '../table/log-tables.ts';
import type { Db } from '../table/tables.ts';

/** Numbers that are asked for in one statement, and how many of them lie before the highest that is known. */
const AT_ONCE = 32;
const BEFORE = 4;

type AcceptanceRow = Pick<Selectable<AcceptanceTable>, 'at' | 'head' | 'last_event' | 'log' | 'number' | 'seal'>;

/**
 * The last time that an operator accepted this log's store; null: never. `known`: the highest number that is known anywhere.
 * Rows are asked for by tags, which nobody else can make: how many rows somebody has added, and with which numbers, makes
 * no difference. One of a secret that is to be taken out is added once more, by the newest.
 */
export async function lastAcceptance(db: Db, seals: Seals, log: string, known: number): Promise<Acceptance | null> {
  let row: AcceptanceRow | null = null;
  const start = Math.max(known, writtenTo(db).lastAccepted);
  for (let from = Math.max(1, start - BEFORE); ; from += AT_ONCE) {
    const found = await believedAmong(db, seals, log, from);
    if (found === null) break;
    row = found;
  }
  row ??= await lastWithoutTag(db, seals, log);
  if (row === null) return null;
  const { number, head, last_event } = row;
  if (seals.maker(row.seal) === 'older') await addAcceptance(db, seals, row);
  seals.mayLackUntil(Number(head));
  writtenTo(db).accepted(Number(number));
  return { number: Number(number), log, head: Number(head), lastEvent: Number(last_event) };
}

/** The one with the highest number of those that follow each other from here; null: none of them is there. */
async function believedAmong(db: Db, seals: Seals, log: string, from: number): Promise<AcceptanceRow | null> {
  const numbers = Array.from({ length: AT_ONCE }, (_, nth) => from + nth);
  const tags = numbers.flatMap((number) => tagsOf(seals, log, number));
  const found = await sql<AcceptanceRow>`
    select number, log, at, head, last_event, seal from holdfast.acceptances where tag = any(${tags}::text[])`.execute(
    db,
  );
  return highest(found.rows.filter((row) => isOurs(seals, log, row)));
}

/** Of builds from before there were tags; what somebody adds without one can hide them, and makes nobody believe anything. */
async function lastWithoutTag(db: Db, seals: Seals, log: string): Promise<AcceptanceRow | null> {
  const found = await sql<AcceptanceRow>`
    select number, log, at, head, last_event, seal from holdfast.acceptances
    where log = ${log} and tag is null order by number desc limit 20`.execute(db);
  return highest(found.rows.filter((row) => isOurs(seals, log, row)));
}

function highest(rows: readonly AcceptanceRow[]): AcceptanceRow | null {
  return rows.reduce<AcceptanceRow | null>(
    (last, row) => (last === null || Number(row.number) > Number(last.number) ? row : last),
    null,
  );
}

function isOurs(seals: Seals, log: string, row: AcceptanceRow): boolean {
  return row.log === log && seals.fits('epoch', acceptanceText(row), row.seal);
}

/**
 * Adds it under the newest secret. False: its tag is taken, because it is there already, or was changed since. Throws
 * `Swallowed` when the database does not take it.
 */
async function addAcceptance(db: Db, seals: Seals, row: Omit<AcceptanceRow, 'seal'>): Promise<boolean> {
  const { number, log, at, head, last_event } = row;
  const seal = seals.seal('epoch', acceptanceText(row));
  const tag = tagsOf(seals, log, Number(number))[0]!;
  const added = await sql`
    insert into holdfast.acceptances (number, log, at, head, last_event, seal, tag)
    values (${number}, ${log}, ${at}, ${head}, ${last_event}, ${seal}, ${tag}) on conflict (tag) do nothing returning 1`.execute(
    db,
  );
  if (added.rows.length > 0) return true;
  const taken = await sql`select 1 from holdfast.acceptances where tag = ${tag}`.execute(db);
  requireTaken('acceptances', taken.rows.length, 1);
  return false;
}

/** Adds it with the first free number from this one on, and returns that: rows with tags may have been changed since. */
export async function addNextAcceptance(
  db: Db,
  seals: Seals,
  row: Omit<AcceptanceRow, 'number' | 'seal'>,
  from: number,
): Promise<number> {
  let number = from;
  while (!(await addAcceptance(db, seals, { ...row, number: String(number) }))) number += 1;
  return number;
}

/** By each listed secret, newest first. */
function tagsOf(seals: Seals, log: string, number: number): readonly string[] {
  return seals.sealEach('epoch', JSON.stringify(['acceptance', log, number]));
}

function acceptanceText(row: Omit<AcceptanceRow, 'seal'>): string {
  const { number, log, at, head, last_event } = row;
  return JSON.stringify(['accepted', Number(number), log, at.getTime(), Number(head), Number(last_event)]);
}
