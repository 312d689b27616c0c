import { createHash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import { chainText, GENESIS } from '../../domain/log/chain.ts';
import type { Seals } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

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
 * already chained moves. An event that no gateway sealed is never chained (P7).
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
   * Chains at most `limit` events. Found just now, by their cursors: `foreign`, which no gateway sealed, and `retired`,
   * of a secret that is listed no longer. Neither is chained by this process; one that lists the secret chains the latter.
   */
  async seal(limit: number): Promise<{ chained: number; foreign: number[]; retired: number[] }> {
    const foreign: number[] = [];
    const retired: number[] = [];
    for (let chained = 0; ; ) {
      const portion = await this.#sealPortion(limit - chained);
      chained += portion.chained;
      for (const { n, seal } of portion.foreign) {
        if (this.#foreign.size < MOST_FOREIGN) this.#foreign.add(String(n));
        (this.#seals.maker(seal) === 'retired' ? retired : foreign).push(Number(n));
      }
      if (portion.left === 0) return { chained, foreign, retired };
    }
  }

  /** One transaction. `left`: how many of these `limit` events were too heavy for it. */
  #sealPortion(
    limit: number,
  ): Promise<{ chained: number; left: number; foreign: { n: string; seal: string | null }[] }> {
    return this.#db.transaction().execute(async (trx) => {
      const nothing = { chained: 0, left: 0, foreign: [] };
      const lock = await sql<{ got: boolean }>`select pg_try_advisory_xact_lock(${CHAIN_LOCK}) as got`.execute(trx);
      if (!lock.rows[0]?.got) return nothing;
      const known = this.#foreign.size === 0 ? sql`true` : sql`n <> all(${[...this.#foreign]}::bigint[])`;
      const open = await sql<{ n: string; body: string; seal: string | null; found: string }>`
        select n, body, seal, found from (
          select n, body, seal, count(*) over () as found,
            sum(octet_length(body)) over (order by n) - octet_length(body) as before
          from (select n, body, seal from holdfast.events where seq is null and ${known} order by n limit ${limit}) as open
        ) as portion where before < ${BYTES_PER_TRANSACTION} order by n`.execute(trx);
      if (open.rows.length === 0) return nothing;
      const own = open.rows.filter(({ body, seal }) => this.#seals.fits('event', body, seal));
      const ours = new Set(own);
      const foreign = open.rows.filter((row) => !ours.has(row));
      const left = Number(open.rows[0]!.found) - open.rows.length;
      if (own.length > 0) await chain(trx, own);
      return { chained: own.length, left, foreign };
    });
  }
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
  const places = events.map((row) => {
    seq += 1;
    hash = chainHash(hash, seq, row.body);
    return { n: String(row.n), seq: String(seq), hash };
  });
  await sql`
    update holdfast.events e set seq = p.seq, hash = p.hash
    from unnest(${places.map((p) => p.n)}::bigint[], ${places.map((p) => p.seq)}::bigint[], ${places.map((p) => p.hash)}::text[])
      as p(n, seq, hash)
    where e.n = p.n`.execute(trx);
}
