import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { ChainedEvent, Seals } from '../../ports.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';
import type { Tables } from '../table/tables.ts';
import { copiesAmong } from './copies.ts';
import { misphrased } from './phrase-check.ts';
import { IN_ORDER, portionOf } from './portion.ts';

/** An event as the log is checked. */
export interface LinkRow {
  n: string;
  seq: string | null;
  hash: string | null;
  body: string;
  type: string;
  /** Milliseconds since the epoch, as digits. */
  ms: string;
  actor: string;
  approval_id: string | null;
  server: string | null;
  tool: string | null;
  grant_name: string | null;
  phrase: string | null;
  seal: string | null;
}

/** The columns of a `LinkRow` of event `e`. Times as numbers: parsing them as dates would cost as much as all the rest. */
export const LINK: RawBuilder<unknown> =
  sql.raw(`e.n, e.seq, e.hash, e.body, e.type, (extract(epoch from e.at) * 1000)::bigint as ms,
  e.actor, e.approval_id, e.server, e.tool, e.grant_name, e.phrase::text, e.seal`);

/**
 * Sealed events after this place, in the chain's order. `phrases`: whether their phrases are checked too; `copies`: whether
 * one that is a copy of another counts as written by no gateway.
 */
export async function sealedEvents(
  db: Kysely<Tables>,
  seals: Seals | null,
  after: number,
  limit: number,
  { phrases, copies = false }: { readonly phrases: boolean; readonly copies?: boolean },
): Promise<ChainedEvent[]> {
  const rows = await linkRows(db, sql`e.seq > ${String(after)}::bigint`, IN_ORDER.chained, limit);
  const events = await (phrases ? checked(db, seals, rows) : mapInTurns(rows, (row) => chainedOf(seals, row, true)));
  if (!copies || seals === null) return events;
  const [first, last] = [rows[0], rows.at(-1)];
  const allFit = first !== undefined && last !== undefined && events.every(({ ours }) => ours === true);
  const copied = await copiesAmong(
    db,
    seals,
    rows.map(({ n }) => n),
    allFit ? { from: String(first.seq), to: String(last.seq) } : undefined,
  );
  return events.map((event, nth) => (copied.has(String(rows[nth]!.n)) ? { ...event, copied: true } : event));
}

/** Events that are not sealed yet, after this number, in order of writing. */
export async function unsealedEvents(
  db: Kysely<Tables>,
  seals: Seals | null,
  after: number,
  limit: number,
): Promise<ChainedEvent[]> {
  const which = sql`e.seq is null and e.n > ${String(after)}::bigint`;
  return checked(db, seals, await linkRows(db, which, IN_ORDER.written, limit));
}

/** The columns of a `LinkRow`. */
const COLUMNS = [
  ...['n', 'seq', 'hash', 'body', 'type', 'ms', 'actor', 'approval_id', 'server', 'tool', 'grant_name'],
  ...['phrase', 'seal'],
] as readonly (keyof LinkRow)[];

/** Divides the values of a column; JSON escapes it, and no name of the config holds it. */
const DIVIDER = '\x1e';
/** Begin a value, and stand for none. */
const VALUE = '=';
const NONE = '-';

const TOGETHER = sql.join(
  COLUMNS.map(
    (name) =>
      sql`string_agg(coalesce(${sql.lit(VALUE)} || ${sql.ref(`e.${name}`)}, ${sql.lit(NONE)}), chr(30)) as ${sql.ref(name)}`,
  ),
);

/**
 * Each column of all rows comes as one text: to read a row value by value costs more than all that is then asked of it, and
 * every event is read. A value that holds the divider is none of ours; where there is one, the rows come one by one.
 */
async function linkRows(
  db: Kysely<Tables>,
  which: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
  limit: number,
): Promise<readonly LinkRow[]> {
  const events = sql`select * from holdfast.events e where ${which} order by ${order} limit ${limit}`;
  const rows = sql`select ${LINK} from ${portionOf(events, order)} e order by ${order}`;
  const found = await sql<Readonly<Record<keyof LinkRow, string | null>> & { readonly count: number }>`
    select count(*)::int as count, ${TOGETHER} from (${rows}) e`.execute(db);
  const together = found.rows[0];
  if (together === undefined || together.count === 0) return [];
  const columns = COLUMNS.map((name) => (together[name] ?? '').split(DIVIDER));
  if (columns.every(({ length }) => length === together.count)) return rowsOf(columns, together.count);
  return (await sql<LinkRow>`${rows}`.execute(db)).rows;
}

function rowsOf(columns: readonly (readonly string[])[], count: number): LinkRow[] {
  const [n, seq, hash, body, type, ms, actor, approval, server, tool, grant, phrase, seal] = columns as string[][];
  const rows: LinkRow[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    rows.push({
      n: valueIn(n!, nth)!,
      seq: valueIn(seq!, nth),
      hash: valueIn(hash!, nth),
      body: valueIn(body!, nth)!,
      type: valueIn(type!, nth)!,
      ms: valueIn(ms!, nth)!,
      actor: valueIn(actor!, nth)!,
      approval_id: valueIn(approval!, nth),
      server: valueIn(server!, nth),
      tool: valueIn(tool!, nth),
      grant_name: valueIn(grant!, nth),
      phrase: valueIn(phrase!, nth),
      seal: valueIn(seal!, nth),
    });
  }
  return rows;
}

function valueIn(column: readonly string[], nth: number): string | null {
  const text = column[nth]!;
  return text[0] === VALUE ? text.slice(1) : null;
}

async function checked(db: Kysely<Tables>, seals: Seals | null, rows: readonly LinkRow[]): Promise<ChainedEvent[]> {
  const wrong = await misphrased(db, rows);
  return mapInTurns(rows, (row) => chainedOf(seals, row, !wrong.has(row.n)));
}

function chainedOf(seals: Seals | null, row: LinkRow, phraseAgrees: boolean): ChainedEvent {
  return {
    n: Number(row.n),
    seq: row.seq === null ? null : Number(row.seq),
    hash: row.hash,
    text: row.body,
    ours: seals === null || row.seal === null ? null : seals.fits('event', row.body, row.seal),
    retired: seals?.maker(row.seal) === 'retired',
    agrees: columnsAgree(row) && phraseAgrees,
    copied: false,
  };
}

/** An event's text, and the columns that searches use. */
export type LabelledRow = Pick<
  LinkRow,
  'actor' | 'approval_id' | 'body' | 'grant_name' | 'ms' | 'server' | 'tool' | 'type'
>;

/**
 * Whether the columns that searches use say the same as the text. The text is canonical: its members stand in one
 * order, with `data` in the middle. What is around `data` is written again from the columns and compared.
 */
export function columnsAgree(row: LabelledRow): boolean {
  const { body } = row;
  const head = `{"actor":${quoted(row.actor)},"approval":${quoted(row.approval_id)},"at":"${new Date(Number(row.ms)).toISOString()}","data":{`;
  const tail = `,"server":${quoted(row.server)},"tool":${quoted(row.tool)},"type":${quoted(row.type)}}`;
  if (!body.startsWith(head) || !body.endsWith(tail)) return false;
  let end = body.length - tail.length;
  // The replica has no column.
  const replica = body.lastIndexOf(',"replica":"', end);
  if (replica !== -1 && body.indexOf('"', replica + 12) === end - 1) end = replica;
  return body.endsWith(`},"grant":${quoted(row.grant_name)}`, end);
}

/** RFC 8785 writes a string as JSON.stringify does. */
function quoted(text: string | null): string {
  return JSON.stringify(text);
}
