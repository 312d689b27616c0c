import { sql } from 'kysely';
import type { KnownCut, Seals } from '../../ports.ts';
import type { Db } from '../table/tables.ts';
import { lastCut } from './cuts.ts';

/** Events with one text that are looked at: identical calls of one millisecond. */
const MOST_ALIKE = 100;

/**
 * The end of the text of a plainly allowed call. There are too many of them for an index of their own, and
 * nothing depends on one: their copies are found by the time.
 */
const ALLOWED = sql.lit('%"type":"call.allowed"}');

/** Those that an event is a copy of come first, however many others somebody adds, and with whatever cursors. */
const LIKELIEST = sql`x.seal is not distinct from e.seal desc, x.seq nulls last, x.n`;

interface AlikeRow {
  readonly n: string;
  readonly seal: string | null;
  readonly seq: string | null;
  readonly other: string;
  readonly otherSeal: string | null;
  readonly otherSeq: string | null;
  readonly body: string;
}

/** Places in the chain, both included. */
export interface ChainPlaces {
  readonly from: string;
  readonly to: string;
}

/** No place at all. */
const NOWHERE: ChainPlaces = { from: '1', to: '0' };

/**
 * Of these events, by their cursors, the cursors (as texts) of those that are copies: the same text was written before under the same seal, which is
 * each event's own. One is also a copy where the seal of the chained event with its text was changed, so that nobody can
 * tell any more which of the two was the first. `fitting`: where whoever asks has just found that the seal of every event
 * fits its text, so that none there was changed; identical calls of one millisecond are many.
 */
export async function copiesAmong(
  db: Db,
  seals: Seals,
  events: readonly string[],
  fitting: ChainPlaces = NOWHERE,
): Promise<ReadonlySet<string>> {
  if (events.length === 0) return new Set();
  const mayTell = sql`(x.seal is not distinct from e.seal
    or (x.seq is not null and x.seq not between ${fitting.from}::bigint and ${fitting.to}::bigint))`;
  const found = await sql<AlikeRow>`
    select e.n::text as n, e.seal, e.seq::text as seq, o.n::text as other, o.seal as "otherSeal",
      o.seq::text as "otherSeq", e.body
    from holdfast.events e cross join lateral (
      (select x.n, x.seal, x.seq from holdfast.events x
        where e.body not like ${ALLOWED} and x.body not like ${ALLOWED}
          and hashtextextended(x.body, 0) = hashtextextended(e.body, 0) and x.body = e.body and x.n <> e.n and ${mayTell}
        order by ${LIKELIEST} limit ${MOST_ALIKE})
      union all
      (select x.n, x.seal, x.seq from holdfast.events x
        where e.body like ${ALLOWED} and x.at = e.at and x.body = e.body and x.n <> e.n and ${mayTell}
        order by ${LIKELIEST} limit ${MOST_ALIKE})) o
    where e.n = any(${[...events]}::bigint[])`.execute(db);
  const copies = new Set<string>();
  for (const row of found.rows) if (isCopy(seals, row)) copies.add(row.n);
  const cut = await lastCut(db, seals);
  if (cut !== null) for (const n of await fromBefore(db, cut, events)) copies.add(n);
  return copies;
}

/** Milliseconds by which an event may be older than what was cut before it is taken for a copy of something there. */
const LEEWAY_MS = 3_600_000;

/** Of these events those that happened before what was cut, and come after it: what each may be a copy of is gone. */
async function fromBefore(db: Db, { to, until }: KnownCut, events: readonly string[]): Promise<string[]> {
  const before = new Date(new Date(until).getTime() - LEEWAY_MS);
  const found = await sql<{ n: string }>`
    select e.n::text as n from holdfast.events e where e.n = any(${[...events]}::bigint[]) and e.at < ${before}
      and (e.seq is null or e.seq > ${String(to)}::bigint)`.execute(db);
  return found.rows.map(({ n }) => n);
}

function isCopy(seals: Seals, { n, seal, seq, other, otherSeal, otherSeq, body }: AlikeRow): boolean {
  if (otherSeal === seal) return comesBefore({ n: other, seq: otherSeq }, { n, seq });
  return (
    otherSeq !== null && comesBefore({ n: other, seq: otherSeq }, { n, seq }) && !seals.fits('event', body, otherSeal)
  );
}

interface Place {
  readonly n: string;
  readonly seq: string | null;
}

/** What is chained comes before what is not. */
function comesBefore(one: Place, another: Place): boolean {
  if (one.seq !== null && another.seq !== null) return BigInt(one.seq) < BigInt(another.seq);
  if (one.seq !== null || another.seq !== null) return one.seq !== null;
  return BigInt(one.n) < BigInt(another.n);
}
