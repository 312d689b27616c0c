import { type Kysely, sql } from 'kysely';
import type { ForeignEvent } from '../../ports.ts';
import type { Db, Tables } from '../table/tables.ts';

/** Events that are remembered; beyond that the oldest are not. */
const MOST = 100_000;
/** Milliseconds after which an event is looked at for the last time: the witnesses know a chain with it by then. */
const LAST_LOOK_MS = 15_000;
/** Events that one statement looks at. */
const AT_ONCE = 5_000;

interface WrittenEvent {
  readonly n: string;
  readonly seal: string;
  /** Of the transaction in which it was written; null: that was committed. */
  readonly transaction: string | null;
  readonly at: number;
  /** It was seen in the chain. */
  chained: boolean;
}

/**
 * Events that were committed in one statement: for each an object of its own would cost more than all the rest of it, since
 * thousands a second are kept for seconds.
 */
interface WrittenBatch {
  readonly cursors: readonly (number | string)[];
  /** Divided by `divider`. */
  readonly seals: string;
  readonly divider: string;
  readonly at: number;
}

/**
 * The events that this process wrote, by their cursors, until they were seen in the chain, and once more when witnesses
 * know the chain with them. What a trigger takes out after it was counted, or somebody deletes before it is chained, leaves
 * no hole in the chain, but is missed here.
 */
export class WrittenEvents {
  #events: WrittenEvent[] = [];
  #batches: WrittenBatch[] = [];
  #inBatches = 0;
  #accepted = 0;

  /** In the order of their cursors. `transaction`: in which they were written; null: that was committed. */
  remember(cursors: readonly (number | string)[], seals: readonly string[], transaction: string | null): void {
    if (transaction === null) {
      this.rememberCommitted(cursors, seals.join(' '), ' ');
      return;
    }
    const at = performance.now();
    for (const [nth, n] of cursors.entries()) {
      this.#events.push({ n: String(n), seal: seals[nth]!, transaction, at, chained: false });
    }
    this.#forgetOldest();
  }

  /** The same for what one statement has committed: nobody waits for it, so one look, the last one, is enough. */
  rememberCommitted(cursors: readonly (number | string)[], seals: string, divider: string): void {
    if (cursors.length === 0) return;
    this.#batches.push({ cursors, seals, divider, at: performance.now() });
    this.#inBatches += cursors.length;
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    while (this.#events.length + this.#inBatches > MOST && this.#batches.length > 0) {
      this.#inBatches -= this.#batches.shift()!.cursors.length;
    }
    if (this.#events.length > MOST) this.#events.splice(0, this.#events.length - MOST);
  }

  /** Those that are due for their look are looked at one by one. */
  #takeApart(last: number): void {
    while (this.#batches[0] !== undefined && this.#batches[0].at <= last) {
      const { cursors, seals, divider, at } = this.#batches.shift()!;
      this.#inBatches -= cursors.length;
      const each = seals.split(divider);
      for (const [nth, n] of cursors.entries())
        this.#events.push({ n: String(n), seal: each[nth]!, transaction: null, at, chained: true });
    }
  }

  /** The highest number of an acceptance of this database that was read; 0: none. */
  get lastAccepted(): number {
    return this.#accepted;
  }

  /** An operator has accepted the log as it is; the same number again changes nothing. */
  accepted(number: number): void {
    if (number > this.#accepted) [this.#events, this.#batches, this.#inBatches] = [[], [], 0];
    this.#accepted = Math.max(this.#accepted, number);
  }

  /** Of those that are remembered, the cursors, in the order of writing. */
  get cursors(): readonly string[] {
    const inBatches = this.#batches.flatMap(({ cursors }) => cursors.map(String));
    return [...this.#events.map(({ n }) => n), ...inBatches].sort((one, other) => Number(one) - Number(other));
  }

  /** Those that are not where they were written, or have another seal; each is told once. */
  async look(db: Kysely<Tables>): Promise<ForeignEvent[]> {
    const last = performance.now() - LAST_LOOK_MS;
    this.#takeApart(last);
    const due = this.#events.filter(({ at, chained }) => !chained || at <= last);
    const over = new Set<WrittenEvent>();
    const missing: ForeignEvent[] = [];
    for (let from = 0; from < due.length; from += AT_ONCE) {
      const some = due.slice(from, from + AT_ONCE);
      const found = await conspicuous(db, some);
      const gone = some.filter(({ n }) => found.get(n) === 'gone');
      // What was committed between the snapshot and the look at its transaction is there now.
      const still = gone.length === 0 ? found : await conspicuous(db, gone);
      for (const event of some) {
        const was = found.get(event.n) === 'gone' ? still.get(event.n) : found.get(event.n);
        if (was === 'undone') over.add(event);
        if (was === 'gone' || was === 'changed') {
          over.add(event);
          missing.push({ n: Number(event.n), field: 'missing' });
        }
        if (was === undefined && event.at <= last) over.add(event);
        if (was === undefined) event.chained = true;
      }
    }
    if (over.size > 0) this.#events = this.#events.filter((event) => !over.has(event));
    return missing;
  }
}

/**
 * `open`: not chained yet, or its transaction is under way; `undone`: that was rolled back, or is of a database that went
 * back since, which the comparison with the witnesses finds; missing: it is in the chain.
 */
type Conspicuous = 'changed' | 'gone' | 'open' | 'undone';

async function conspicuous(
  db: Kysely<Tables>,
  events: readonly WrittenEvent[],
): Promise<ReadonlyMap<string, Conspicuous>> {
  const found = await sql<{ n: string; was: Conspicuous }>`
    select w.n::text as n, case
        when e.n is null and w.xid <> '' then case
          when w.xid::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) then 'undone'
          else case pg_xact_status(w.xid::xid8) when 'aborted' then 'undone' when 'in progress' then 'open' else 'gone' end
        end
        when e.n is null then 'gone'
        when e.seal is distinct from w.seal then 'changed'
        else 'open' end as was
    from unnest(string_to_array(${events.map(({ n }) => n).join(' ')}, ' ')::bigint[],
      string_to_array(${events.map(({ seal }) => seal).join(' ')}, ' '),
      string_to_array(${events.map(({ transaction }) => transaction ?? '').join(' ')}, ' ')) as w(n, seal, xid)
    left join holdfast.events e on e.n = w.n
    where e.n is null or e.seal is distinct from w.seal or e.seq is null`.execute(db);
  return new Map(found.rows.map(({ n, was }) => [n, was]));
}

/** By what a database and its transactions have in common. */
const memories = new WeakMap<object, WrittenEvents>();

/** What this process remembers of this database, whether or not a transaction is open. */
export function writtenTo(db: Db): WrittenEvents {
  const { adapter } = db.getExecutor();
  const known = memories.get(adapter) ?? new WrittenEvents();
  memories.set(adapter, known);
  return known;
}
