import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { chainText, GENESIS } from '../../domain/log/chain.ts';
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

/**
 * Chains at most `limit` events that are not chained yet (those written together with a change), in order of writing,
 * and returns how many. One replica at a time: who does not get the lock has nothing to do. An event that becomes
 * visible late gets a later place; nothing already chained moves.
 */
export async function sealEvents(db: Kysely<Tables>, limit: number): Promise<number> {
  for (let sealed = 0; ; ) {
    const { chained, left } = await sealPortion(db, limit - sealed);
    sealed += chained;
    if (left === 0) return sealed;
  }
}

/** One transaction. `left`: how many of these `limit` events were too heavy for it. */
function sealPortion(db: Kysely<Tables>, limit: number): Promise<{ chained: number; left: number }> {
  return db.transaction().execute(async (trx) => {
    const lock = await sql<{ got: boolean }>`select pg_try_advisory_xact_lock(${CHAIN_LOCK}) as got`.execute(trx);
    if (!lock.rows[0]?.got) return { chained: 0, left: 0 };
    const open = await sql<{ n: string; body: string; found: string }>`
      select n, body, found from (
        select n, body, count(*) over () as found, sum(octet_length(body)) over (order by n) - octet_length(body) as before
        from (select n, body from holdfast.events where seq is null order by n limit ${limit}) as open
      ) as portion where before < ${BYTES_PER_TRANSACTION} order by n`.execute(trx);
    if (open.rows.length === 0) return { chained: 0, left: 0 };
    const head = await sql<{ seq: string; hash: string }>`
      select seq, hash from holdfast.events where seq is not null order by seq desc limit 1`.execute(trx);
    let seq = Number(head.rows[0]?.seq ?? 0);
    let hash = head.rows[0]?.hash ?? GENESIS;
    const places = open.rows.map((row) => {
      seq += 1;
      hash = chainHash(hash, seq, row.body);
      return { n: String(row.n), seq: String(seq), hash };
    });
    await sql`
      update holdfast.events e set seq = p.seq, hash = p.hash
      from unnest(${places.map((p) => p.n)}::bigint[], ${places.map((p) => p.seq)}::bigint[], ${places.map((p) => p.hash)}::text[])
        as p(n, seq, hash)
      where e.n = p.n`.execute(trx);
    return { chained: places.length, left: Number(open.rows[0]!.found) - places.length };
  });
}
