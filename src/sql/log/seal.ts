import { createHash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import { chainText, GENESIS } from '../../domain/log/chain.ts';
import type { ForeignEvent, Seals } from '../../ports.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';
import { writeRows } from '../connection/not-taken.ts';
import type { Tables } from '../table/tables.ts';
import { columnsAgree, LINK, type LinkRow } from './chained.ts';
import { copiesAmong } from './copies.ts';
import { misphrased } from './phrase-check.ts';
import { writtenTo } from './written.ts';

/**
 * The one lock of all who chain events: "hold" in letters. `holdfast.append` tries the same one. Who does not get it
 * leaves the chaining to who has it.
 */
const CHAIN_LOCK = 0x68_6f_6c_64;

/** Bytes of events chained in one transaction. Their words are indexed with it, and a statement's time is bounded. */
const BYTES_PER_TRANSACTION = 500_000;

/** Hash of an event: SHA-256 over the previous hash, its place in the chain, and its text. */
export function chainHash(previous: string, seq: number, body: string): string {
  return createHash('sha256')
    .update(chainText(previous, seq, body))
    .digest('hex');
}

/** Foreign events that are remembered, and no longer looked at. Beyond that many the alarm has long been raised. */
const MOST_FOREIGN = 10_000;

/**
 * Chains events that are not chained yet (those written together with a change), in order of writing. One replica at a
 * time: who does not get the lock has nothing to do. An event that becomes visible late gets a later place; nothing
 * already chained moves. An event that no gateway sealed, whose columns say something else
 * than its text, or that is a copy, is never chained (P7).
 */
export class EventSealer {
  readonly #db: Kysely<Tables>;
  readonly #seals: Seals;
  readonly #foreign = new Set<string>();

  constructor(db: Kysely<Tables>, seals: Seals) {
    this.#db = db;
    this.#seals = seals;
  }

  /**
   * Chains at most `limit` events. Found just now: `foreign`, which no gateway wrote as they are, or which this process
   * wrote and which are gone, and `retired`, of a secret that is listed no longer. Neither is chained by this process; one
   * that lists the secret chains the latter.
   */
  async seal(limit: number): Promise<{ chained: number; foreign: ForeignEvent[]; retired: number[] }> {
    const foreign: ForeignEvent[] = [];
    const retired: number[] = [];
    for (let chained = 0; ; ) {
      const portion = await this.#sealPortion(limit - chained);
      chained += portion.chained;
      for (const { n, field } of portion.foreign) {
        if (this.#foreign.size < MOST_FOREIGN) this.#foreign.add(n);
        if (field === 'retired') retired.push(Number(n));
        else foreign.push({ n: Number(n), field });
      }
      if (portion.left > 0) continue;
      foreign.push(...(await writtenTo(this.#db).look(this.#db)));
      return { chained, foreign, retired };
    }
  }

  /** One transaction. `left`: how many of these `limit` events were too heavy for it. */
  #sealPortion(limit: number): Promise<{ chained: number; left: number; foreign: readonly Refused[] }> {
    return this.#db.transaction().execute(async (trx) => {
      const nothing = { chained: 0, left: 0, foreign: [] };
      const lock = await sql<{ got: boolean }>`select pg_try_advisory_xact_lock(${CHAIN_LOCK}) as got`.execute(trx);
      if (!lock.rows[0]?.got) return nothing;
      const known = this.#foreign.size === 0 ? sql`true` : sql`n <> all(${[...this.#foreign]}::bigint[])`;
      const open = await sql<OpenRow>`
        select ${LINK}, e.found from (
          select open.*, count(*) over () as found, sum(octet_length(body)) over (order by n) - octet_length(body) as before
          from (select * from holdfast.events where seq is null and ${known} order by n limit ${limit}) as open
        ) as e where e.before < ${BYTES_PER_TRANSACTION} order by e.n`.execute(trx);
      if (open.rows.length === 0) return nothing;
      const foreign = await refusedAmong(trx, this.#seals, open.rows);
      const refused = new Set(foreign.map(({ n }) => n));
      const own = open.rows.filter(({ n }) => !refused.has(n));
      const left = Number(open.rows[0]!.found) - open.rows.length;
      if (own.length > 0) await chain(trx, own);
      return { chained: own.length, left, foreign };
    });
  }
}

interface OpenRow extends LinkRow {
  readonly found: string;
}

/** An event that is not chained, by its cursor. `retired`: it was sealed by a secret that is listed no longer. */
interface Refused {
  readonly n: string;
  readonly field: ForeignEvent['field'] | 'retired';
}

/** Which of these events, that are not chained yet, no gateway wrote as they are. */
async function refusedAmong(trx: Transaction<Tables>, seals: Seals, rows: readonly LinkRow[]): Promise<Refused[]> {
  const fit = await mapInTurns(rows, ({ body, seal }) => seals.fits('event', body, seal));
  const sealed = rows.filter((_, nth) => fit[nth]);
  const ours = new Set(sealed.map(({ n }) => n));
  const [wrong, copied] = [await misphrased(trx, sealed), await copiesAmong(trx, seals, [...ours])];
  return rows.flatMap((row): Refused[] => {
    const { n, seal } = row;
    if (!ours.has(n)) return [{ n, field: seals.maker(seal) === 'retired' ? 'retired' : 'body' }];
    if (copied.has(n)) return [{ n, field: 'seal' }];
    return columnsAgree(row) && !wrong.has(n) ? [] : [{ n, field: 'columns' }];
  });
}

/** Chains what a release without seals left unchained, before seals begin. */
export async function chainEvents(trx: Transaction<Tables>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${CHAIN_LOCK})`.execute(trx);
  for (;;) {
    const open = await sql<{ n: string; body: string }>`
      select n, body from holdfast.events where seq is null order by n limit 200`.execute(trx);
    if (open.rows.length === 0) return;
    await chain(trx, open.rows);
  }
}

/** Chains what is not chained and was sealed by a listed secret, in a transaction that must leave nothing behind. */
export async function chainOwn(trx: Transaction<Tables>, seals: Seals): Promise<void> {
  await sql`select pg_advisory_xact_lock(${CHAIN_LOCK})`.execute(trx);
  const open = await sql<{ n: string; body: string; seal: string | null }>`
    select n, body, seal from holdfast.events where seq is null order by n`.execute(trx);
  const own = open.rows.filter(({ body, seal }) => seals.fits('event', body, seal));
  if (own.length > 0) await chain(trx, own);
}

async function chain(trx: Transaction<Tables>, events: readonly { n: string; body: string }[]): Promise<void> {
  const head = await sql<{ seq: string; hash: string }>`
    select seq, hash from holdfast.events where seq is not null order by seq desc limit 1`.execute(trx);
  let seq = Number(head.rows[0]?.seq ?? 0);
  let hash = head.rows[0]?.hash ?? GENESIS;
  const places = await mapInTurns(events, (row) => {
    seq += 1;
    hash = chainHash(hash, seq, row.body);
    return { n: String(row.n), seq: String(seq), hash };
  });
  const update = sql`
    update holdfast.events e set seq = p.seq, hash = p.hash
    from unnest(${places.map((p) => p.n)}::bigint[], ${places.map((p) => p.seq)}::bigint[], ${places.map((p) => p.hash)}::text[])
      as p(n, seq, hash)
    where e.n = p.n`;
  await writeRows(trx, 'events', places.length, update);
}
