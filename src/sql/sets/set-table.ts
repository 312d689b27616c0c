import { type Kysely, type RawBuilder, sql } from 'kysely';
import type {
  AcceptedStore,
  AcceptPlan,
  SealKind,
  Seals,
  SetHead,
  SetJudgement,
  SetReading,
  SetReadings,
} from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { writeRows } from '../connection/not-taken.ts';
import { beginSet, judgeSet, type SetHeadRow, setHead } from '../log/sealed-set.ts';
import type { Db, Tables } from '../table/tables.ts';

/** A table whose rows matter by being there: its rows are a sealed set. `R`: a row as it is read. */
export interface SetTable<R extends { readonly seal: string | null }> {
  readonly name: string;
  /** Of the rows' own seals. */
  readonly kind: SealKind;
  /** `select`s the rows that belong to the set, with their columns named one by one; the first is never null. */
  readonly rows: RawBuilder<unknown>;
  /** The column by which one row is named, and its value in a row. */
  readonly id: string;
  readonly idOf: (row: R) => string;
  readonly text: (row: R) => string;
  /**
   * What becomes of rows that no gateway sealed, when the set begins or an operator accepts the store: they are taken out
   * of it. Absent: they are sealed as they are, which only tables may do whose rows stop something and let nothing pass.
   */
  readonly disown?: (trx: Db, ids: readonly string[]) => Promise<void>;
  /** Its rows stay when what they say is over: by their number nobody can tell that one was put back to before. */
  readonly endsInPlace?: true;
  /** What the log names and these rows lack; absent: the log does not name the rows of this set. */
  readonly named?: (trx: Db, seals: Seals, rows: readonly R[], plan: AcceptPlan) => Promise<readonly NamedRow[]>;
}

/** A row that the log names and the set lacks, or of which it lacks the end. */
export interface NamedRow {
  /** How operators find it. */
  readonly row: string;
  /** What it said, in words. */
  readonly about: string;
  /** Puts it back; null: no gateway wrote the event that names it. */
  readonly putBack: ((trx: Db) => Promise<void>) | null;
}

/** What became of one set when an operator accepted the store. */
export interface RebasedSet {
  readonly heads: readonly SetHead[];
  readonly putBack: AcceptedStore['putBack'];
  readonly lost: AcceptedStore['lost'];
}

/** A set as it was read, with the head of the same instant. */
export interface ReadSet<R> {
  readonly rows: readonly R[];
  readonly reading: SetReading;
  readonly head: SetHeadRow | null;
  /** What `beside` selected. */
  readonly beside: string | null;
}

/** Reads the rows, the head and one more text of the same instant, in one statement. */
export async function readSet<R extends { readonly seal: string | null }>(
  db: Db,
  seals: Seals,
  table: SetTable<R>,
  beside: RawBuilder<unknown> = sql`null`,
): Promise<ReadSet<R>> {
  const found = await sql<
    R & { set_row: boolean | null; set_head: SetHeadRow | null; set_beside: string | null }
  >`${KEPT_PLAN}
    select r.*, ${setHead(table.name)} as set_head, ${beside}::text as set_beside
    from (select 1) as one left join (select true as set_row, s.* from (${table.rows}) s) r on true`.execute(db);
  const rows = found.rows.filter((row) => row.set_row === true);
  const head = found.rows[0]?.set_head ?? null;
  return { rows, head, reading: readingOf(seals, table, rows, head), beside: found.rows[0]?.set_beside ?? null };
}

/** The same, and tells of it. */
export async function judgedSet<R extends { readonly seal: string | null }>(
  db: Db,
  seals: Seals,
  table: SetTable<R>,
  readings: SetReadings,
): Promise<SetJudgement> {
  const turn = readings.begin();
  const { reading } = await readSet(db, seals, table);
  return readings.read(turn, reading);
}

function readingOf<R extends { readonly seal: string | null }>(
  seals: Seals,
  table: SetTable<R>,
  rows: readonly R[],
  head: SetHeadRow | null,
): SetReading {
  const texts = rows.map((row) => ({ text: table.text(row), seal: row.seal, key: table.idOf(row).slice(0, 24) }));
  return judgeSet(seals, table.kind, table.name, texts, head);
}

/**
 * Begins the set where it has no head and no row has a seal; seals it by the newest secret where an older one sealed any
 * of it. Whoever reads a set does this once before.
 */
export async function openSet<R extends { readonly seal: string | null }>(
  db: Kysely<Tables>,
  seals: Seals,
  table: SetTable<R>,
): Promise<void> {
  await db.transaction().execute((trx) => open(trx, seals, table));
}

async function open<R extends { readonly seal: string | null }>(
  trx: Db,
  seals: Seals,
  table: SetTable<R>,
): Promise<void> {
  await lockSet(trx, table.name);
  const { rows, reading, head } = await readSet(trx, seals, table);
  const isNew = head === null && rows.every(({ seal }) => seal === null);
  // What fits an older secret is sealed by the newest, as it is; what fits none is found by whoever reads it.
  const older = [head, ...rows].some((one) => seals.maker(one?.seal ?? null) === 'older');
  const fits = reading.head !== null && reading.fault === null && older;
  if (!isNew && !fits) return;
  await sealAll(trx, seals, table, isNew ? await ownRows(trx, seals, table, rows) : rows, reading.head?.version ?? 1);
}

/**
 * An operator accepted the store: the rows as they are, and those that the log names besides, make up the set. Tells of
 * what is missing and cannot be put back.
 */
export async function rebaseSet<R extends { readonly seal: string | null }>(
  trx: Db,
  seals: Seals,
  table: SetTable<R>,
  plan: AcceptPlan,
): Promise<RebasedSet> {
  const { name } = table;
  await lockSet(trx, name);
  const before = await readSet(trx, seals, table);
  const named = (await table.named?.(trx, seals, before.rows, plan)) ?? [];
  for (const { putBack } of named) await putBack?.(trx);
  const { rows } = await readSet(trx, seals, table);
  const heads = [
    ...plan.sets.filter((head) => head.name === name),
    ...(before.reading.head === null ? [] : [before.reading.head]),
  ].toSorted((one, other) => other.version - one.version);
  const own = await ownRows(trx, seals, table, rows);
  await sealAll(trx, seals, table, own, (heads[0]?.version ?? 0) + 1);
  const made = (await readSet(trx, seals, table)).reading.head;
  const told = (which: readonly NamedRow[]) => which.map(({ row, about }) => ({ table: name, row, about }));
  const lost: AcceptedStore['lost'][number][] = told(named.filter(({ putBack }) => putBack === null));
  const missing = (heads[0]?.count ?? 0) - own.length;
  if (missing > 0) {
    const about = `${missing} of ${heads[0]!.count} rows that a gateway left are gone, and the log does not name them`;
    lost.push({ table: name, row: null, about });
  }
  const changes = (heads[0]?.version ?? 0) - (before.reading.head?.version ?? 0);
  if (table.endsInPlace === true && changes > 0) {
    const about = `up to ${changes} changes of these rows by gateways are not in what is accepted, except those that the log names: look whether each row that is good still should be`;
    lost.push({ table: name, row: null, about });
  }
  return { heads: made === null ? [] : [made], putBack: told(named.filter(({ putBack }) => putBack !== null)), lost };
}

async function ownRows<R extends { readonly seal: string | null }>(
  trx: Db,
  seals: Seals,
  { disown, kind, text, idOf }: SetTable<R>,
  rows: readonly R[],
): Promise<readonly R[]> {
  if (disown === undefined) return rows;
  const isOwn = (row: R): boolean => seals.fits(kind, text(row), row.seal);
  const foreign = rows.filter((row) => !isOwn(row));
  if (foreign.length > 0) await disown(trx, foreign.map(idOf));
  return rows.filter(isOwn);
}

async function sealAll<R extends { readonly seal: string | null }>(
  trx: Db,
  seals: Seals,
  { name, kind, id, idOf, text }: SetTable<R>,
  rows: readonly R[],
  version: number,
): Promise<void> {
  const texts = rows.map(text);
  // Whoever may only seal anew may not write the same again (deploy/sql/gateway-rights.sql).
  const fresh = rows.map((row, nth) => ({ id: idOf(row), before: row.seal, seal: seals.seal(kind, texts[nth]!) }));
  const changed = fresh.filter(({ before, seal }) => before !== seal);
  const update = sql`
    update ${sql.table(`holdfast.${name}`)} t set seal = v.seal
    from unnest(${changed.map((row) => row.id)}::text[], ${changed.map(({ seal }) => seal)}::text[]) as v(id, seal)
    where t.${sql.ref(id)}::text = v.id`;
  if (changed.length > 0) await writeRows(trx, name, changed.length, update);
  await beginSet(trx, seals, name, texts, version);
}

/** Keeps other gateways from changing the head until the transaction ends, so that what is read after this is all of it. */
export async function lockSet(trx: Db, name: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`set ${name}`}, 0))`.execute(trx);
  await sql`select 1 from holdfast.sealed_sets where name = ${name} for update`.execute(trx);
}
