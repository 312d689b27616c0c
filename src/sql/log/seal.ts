import { createHash } from 'node:crypto';
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import { chainText, GENESIS } from '../../domain/log/chain.ts';
import type { ForeignEvent, Seals } from '../../ports.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';
import { writeRows } from '../connection/not-taken.ts';
import type { Tables } from '../table/tables.ts';
import { columnsAgree, LINK, type LinkRow } from './chained.ts';
import { copiesAmong } from './copies.ts';
import { misphrased } from './phrase-check.ts';
import { IN_ORDER, portionOf } from './portion.ts';
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
/** Portions that one call looks at for what foreign events stand before; the rest has its turn in the next ones. */
const MOST_PORTIONS = 20;
/** Cursors that one statement asks for. */
const CURSORS_AT_ONCE = 5_000;

/** Which of the events that are not chained yet. */
type Which =
  /** All but the foreign ones that are known. */
  | { readonly kind: 'open' }
  /** With these cursors. */
  | { readonly kind: 'own'; readonly cursors: readonly string[] }
  /** After this cursor. */
  | { readonly kind: 'after'; readonly n: string };

/** Before every cursor: whoever adds rows chooses theirs. */
const FIRST = '-9223372036854775808';

/**
 * Chains events that are not chained yet (those written together with a change), in order of writing. One replica at a
 * time: who does not get the lock has nothing to do. An event that becomes visible late gets a later place; nothing
 * already chained moves. An event that no gateway sealed, whose columns say something else
 * than its text, or that is a copy, is never chained (P7).
 *
 * However many of these somebody adds, and wherever: those that are known are left out, up to `MOST_FOREIGN`. Beyond that
 * this process chains its own events by their cursors, what is new in the order of writing, and with each call one portion
 * of what is left, in turns: there are the events of processes that have died.
 */
export class EventSealer {
  readonly #db: Kysely<Tables>;
  readonly #seals: Seals;
  readonly #foreign = new Set<string>();
  /** How far new events were looked at, and how far the turns have come, once there are too many foreign ones. */
  #seen = FIRST;
  #turn = FIRST;

  constructor(db: Kysely<Tables>, seals: Seals) {
    this.#db = db;
    this.#seals = seals;
  }

  /**
   * Chains at most `limit` events, and of a flood some more. Found just now: `foreign`, which no gateway wrote as they are,
   * or which this process wrote and which are gone, and `retired`, of a secret that is listed no longer. Neither is chained
   * by this process; one that lists the secret chains the latter.
   */
  async seal(limit: number): Promise<{ chained: number; foreign: ForeignEvent[]; retired: number[] }> {
    const run: SealRun = { chained: 0, foreign: [], retired: [] };
    if (this.#foreign.size < MOST_FOREIGN) await this.#sealOpen(run, limit);
    if (this.#foreign.size >= MOST_FOREIGN) await this.#sealFlooded(run, limit);
    run.foreign.push(...(await writtenTo(this.#db).look(this.#db)));
    return run;
  }

  /** Until nothing is left of so many events, and beyond as long as there are foreign ones among them. */
  async #sealOpen(run: SealRun, limit: number): Promise<void> {
    for (let portions = 0; portions < MOST_PORTIONS; portions += 1) {
      const wanted = limit - run.chained;
      if (wanted <= 0) return;
      const { found, left, foreign } = await this.#take(run, { kind: 'open' }, wanted);
      // Only what nobody should have written is bounded.
      if (left > 0 && foreign === 0) portions -= 1;
      const isHiding = foreign > 0 && found >= wanted && this.#foreign.size < MOST_FOREIGN;
      if (left === 0 && !isHiding) return;
    }
  }

  async #sealFlooded(run: SealRun, limit: number): Promise<void> {
    const own = writtenTo(this.#db).cursors;
    for (let from = 0; from < own.length; from += CURSORS_AT_ONCE) {
      const which: Which = { kind: 'own', cursors: own.slice(from, from + CURSORS_AT_ONCE) };
      for (let isMore = true; isMore; ) {
        const { chained, found, left } = await this.#take(run, which, limit);
        isMore = chained > 0 && (left > 0 || found === limit);
      }
    }
    for (let portions = 0; portions < MOST_PORTIONS; portions += 1) {
      const { found, last, left } = await this.#take(run, { kind: 'after', n: this.#seen }, limit);
      this.#seen = last ?? this.#seen;
      if (left === 0 && found < limit) break;
    }
    const { last } = await this.#take(run, { kind: 'after', n: this.#turn }, limit);
    this.#turn = last ?? FIRST;
  }

  async #take(run: SealRun, which: Which, limit: number): Promise<Portion & { readonly foreign: number }> {
    const { refused, ...portion } = await this.#sealPortion(which, limit);
    run.chained += portion.chained;
    for (const { n, field } of refused) {
      if (this.#foreign.size < MOST_FOREIGN) this.#foreign.add(n);
      if (field === 'retired') run.retired.push(Number(n));
      else run.foreign.push({ n: Number(n), field });
    }
    return { ...portion, foreign: refused.length };
  }

  /** One transaction. */
  #sealPortion(which: Which, limit: number): Promise<Portion & { readonly refused: readonly Refused[] }> {
    return this.#db.transaction().execute(async (trx) => {
      const nothing = { chained: 0, left: 0, found: 0, last: null, refused: [] };
      const lock = await sql<{ got: boolean }>`select pg_try_advisory_xact_lock(${CHAIN_LOCK}) as got`.execute(trx);
      if (!lock.rows[0]?.got) return nothing;
      const open = await sql<OpenRow>`
        select ${LINK}, e.found from (
          select open.*, count(*) over () as found, sum(octet_length(body)) over (order by n) - octet_length(body) as before
          from (select * from holdfast.events where seq is null and ${this.#are(which)} order by n limit ${limit}) as open
        ) as e where e.before < ${BYTES_PER_TRANSACTION} order by e.n`.execute(trx);
      if (open.rows.length === 0) return nothing;
      const refused = await refusedAmong(trx, this.#seals, open.rows);
      const names = new Set(refused.map(({ n }) => n));
      const own = open.rows.filter(({ n }) => !names.has(n));
      const found = Number(open.rows[0]!.found);
      if (own.length > 0) await chain(trx, own);
      const last = open.rows.at(-1)!.n;
      return { chained: own.length, left: found - open.rows.length, found, last, refused };
    });
  }

  #are(which: Which): RawBuilder<unknown> {
    if (which.kind === 'after') return sql`n > ${which.n}::bigint`;
    if (which.kind === 'own') return sql`n = any(${[...which.cursors]}::bigint[])`;
    return this.#foreign.size === 0 ? sql`true` : sql`n <> all(${[...this.#foreign]}::bigint[])`;
  }
}

/** What one call found. */
interface SealRun {
  chained: number;
  readonly foreign: ForeignEvent[];
  readonly retired: number[];
}

interface Portion {
  readonly chained: number;
  /** Events that were found. */
  readonly found: number;
  /** How many of these were too heavy for it. */
  readonly left: number;
  /** The cursor of the last one that was looked at; null: there was none. */
  readonly last: string | null;
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
  // Of two with one seal the later one is a copy, whatever else there is.
  const first = new Map(sealed.toReversed().map(({ n, seal }) => [seal, n]));
  const [wrong, copied] = [await misphrased(trx, sealed), await copiesAmong(trx, seals, [...first.values()])];
  return rows.flatMap((row): Refused[] => {
    const { n, seal } = row;
    if (!ours.has(n)) return [{ n, field: seals.maker(seal) === 'retired' ? 'retired' : 'body' }];
    if (copied.has(String(n)) || first.get(seal) !== n) return [{ n, field: 'seal' }];
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
  for (let after = FIRST; ; ) {
    const open = await sql<{ n: string; body: string; seal: string | null }>`
      select n, body, seal from ${portionOf(
        sql`select * from holdfast.events where seq is null and n > ${after}::bigint order by n limit 2000`,
        IN_ORDER.written,
      )} e order by n`.execute(trx);
    if (open.rows.length === 0) return;
    const own = open.rows.filter(({ body, seal }) => seals.fits('event', body, seal));
    if (own.length > 0) await chain(trx, own);
    after = open.rows.at(-1)!.n;
  }
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
