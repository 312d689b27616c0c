import { createHash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import type { SealKind, Seals, SetHead, SetReading } from '../../ports.ts';
import { requireTaken, writeRows } from '../connection/not-taken.ts';
import type { Db } from '../table/tables.ts';

/*
 * Sets of rows that matter by being there: a row that is deleted has no seal that could break, so the set has a sealed
 * head with its version, the count of its rows and a digest of them. The head changes with the rows, in one transaction,
 * by what was added and removed, and is never computed anew from the rows: a change that somebody else made stays
 * visible. Witnesses keep the head, so that an older one is recognised.
 *
 * A table takes part with `changeSet` in the transaction of each change, and a `SetTable` (sets/set-table.ts) in the list of
 * `sets/all-sets.ts`, by which it is read and judged.
 */

/** The head's row as JSON, as a column of the statement that reads the set: both are of one instant. */
export function setHead(name: string): RawBuilder<unknown> {
  return sql`(select row_to_json(s) from holdfast.sealed_sets s where s.name = ${name})`;
}

/** The head's row as `setHead` selects it. */
export interface SetHeadRow {
  readonly name: string;
  readonly version: number | string;
  readonly count: number | string;
  readonly digest: string;
  readonly seal: string;
}

/** One row of a set: what its seal covers, and the seal. */
export interface SetRow {
  readonly text: string;
  readonly seal: string | null;
  /** How operators find it. */
  readonly key: string;
}

/** Records in this transaction that rows with these texts were added and removed. The head is there, or is begun. */
export async function changeSet(
  trx: Db,
  seals: Seals,
  name: string,
  { added = [], removed = [] }: { readonly added?: readonly string[]; readonly removed?: readonly string[] },
): Promise<void> {
  await writeHead(trx, seals, { name, version: 0, count: 0, digest: NO_ROWS });
  const found = await sql<SetHeadRow>`
    select name, version, count, digest, seal from holdfast.sealed_sets where name = ${name} for update`.execute(trx);
  requireTaken('sealed_sets', found.rows.length, 1);
  const head = headOf(found.rows[0]!);
  const digest = added.reduce(
    (sum, text) => plus(sum, text),
    removed.reduce((sum, text) => minus(sum, text), head.digest),
  );
  const next = { name, version: head.version + 1, count: head.count + added.length - removed.length, digest };
  // A head that somebody else wrote is not made good by the next change.
  const seal = seals.fits('set', headText(head), found.rows[0]!.seal) ? sealOf(seals, next) : '';
  const update = sql`
    update holdfast.sealed_sets set version = ${next.version}, count = ${next.count}, digest = ${digest}, seal = ${seal}
    where name = ${name}`;
  await writeRows(trx, 'sealed_sets', 1, update);
}

/**
 * Begins the head over rows from before there were seals, which are sealed by `sealRows` in the same transaction; or, when
 * an operator has accepted the store, makes it anew over the rows as they are. `version`: of the new head.
 */
export async function beginSet(trx: Db, seals: Seals, name: string, texts: readonly string[], version: number) {
  const head = { name, version, count: texts.length, digest: texts.reduce(plus, NO_ROWS) };
  const insert = sql`
    insert into holdfast.sealed_sets (name, version, count, digest, seal)
    values (${name}, ${version}, ${head.count}, ${head.digest}, ${sealOf(seals, head)})
    on conflict (name) do update set version = excluded.version, count = excluded.count, digest = excluded.digest,
      seal = excluded.seal`;
  await writeRows(trx, 'sealed_sets', 1, insert);
}

/** Compares rows with their head. `kind`: of the rows' own seals. */
export function judgeSet(
  seals: Seals,
  kind: SealKind,
  name: string,
  rows: readonly SetRow[],
  row: SetHeadRow | null | undefined,
): SetReading {
  if (row === null || row === undefined) {
    const fault = rows.some(({ seal }) => seal !== null) ? `the head of the ${name} is missing` : null;
    return { name, head: null, fault };
  }
  const head = headOf(row);
  if (!seals.fits('set', headText(head), row.seal)) {
    return { name, head: null, fault: `the head of the ${name} was not written by a gateway` };
  }
  for (const { text, seal, key } of rows) {
    if (!seals.fits(kind, text, seal)) return { name, head, fault: `${name} ${key} was not written by a gateway` };
  }
  const digest = rows.reduce((sum, { text }) => plus(sum, text), NO_ROWS);
  if (rows.length !== head.count) {
    return { name, head, fault: `there are ${rows.length} ${name} where a gateway left ${head.count}` };
  }
  return { name, head, fault: digest === head.digest ? null : `the ${name} are not those that a gateway left` };
}

/** Whether the set has as many rows as its head says, which is sealed; where there is no head, none. */
export function isCountOf(seals: Seals, row: SetHeadRow | null, count: number): boolean {
  if (row === null) return count === 0;
  const head = headOf(row);
  return head.count === count && seals.fits('set', headText(head), row.seal);
}

async function writeHead(trx: Db, seals: Seals, head: SetHead): Promise<void> {
  const { name, version, count, digest } = head;
  await sql`
    insert into holdfast.sealed_sets (name, version, count, digest, seal)
    values (${name}, ${version}, ${count}, ${digest}, ${sealOf(seals, head)}) on conflict (name) do nothing`.execute(
    trx,
  );
}

function headOf({ name, version, count, digest }: SetHeadRow): SetHead {
  return { name, version: Number(version), count: Number(count), digest };
}

function sealOf(seals: Seals, head: SetHead): string {
  return seals.seal('set', headText(head));
}

function headText({ name, version, count, digest }: SetHead): string {
  return JSON.stringify([name, version, count, digest]);
}

/** The digest of a set is the sum of its rows' digests: it does not depend on their order. */
const NO_ROWS = '0'.repeat(64);
const MODULUS = 1n << 256n;

function plus(sum: string, text: string): string {
  return hex((BigInt(`0x${sum}`) + numberOf(text)) % MODULUS);
}

function minus(sum: string, text: string): string {
  return hex((BigInt(`0x${sum}`) + MODULUS - numberOf(text)) % MODULUS);
}

function numberOf(text: string): bigint {
  return BigInt(`0x${createHash('sha256').update(text).digest('hex')}`);
}

function hex(value: bigint): string {
  return value.toString(16).padStart(64, '0');
}
