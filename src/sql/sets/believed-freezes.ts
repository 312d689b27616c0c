import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { FrozenPlace } from '../../domain/freeze/freeze.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import type { Seals, SetReadings } from '../../ports.ts';
import { decidingEvents, isOwnEvent, saysType } from '../log/deciding.ts';
import type { Tables } from '../table/tables.ts';
import { FREEZE_SET, type FreezeRow } from './freeze-set.ts';
import { loggedFreezes } from './logged-freezes.ts';
import { openSet, type ReadSet, readSet } from './set-table.ts';

/**
 * What the rows in force and their head look like now, with the cursor of the last event that one was set. Two that are
 * the same say the same, so that a statement which finds what was judged before has judged it: SQL has no key, and needs
 * none for that. The event is there for whoever puts back rows and head together, which fit each other: the log goes on.
 */
const LOOKS: RawBuilder<string> = sql`(select encode(sha256(convert_to(coalesce((
  select string_agg(json_build_array(z.id, z.scope, z.name, z.reason, z."by",
    (extract(epoch from z.since) * 1000)::bigint, z.seal)::text, '' order by z.id)
  from holdfast.freezes z where z.lifted_at is null), '')
  || coalesce((select s.seal from holdfast.sealed_sets s where s.name = 'freezes'), ''), 'UTF8')), 'hex')
  || ' ' || coalesce((select max(e.n) from holdfast.events e where ${saysType(['freeze.set'])}), 0))`;

/**
 * The freezes that this process believes in, with their seals and the sealed head of their set. Whatever may be stopped by
 * a freeze is committed by a statement that finds the very rows and head that were judged here (`unless`), so that a
 * freeze which somebody deleted, ended or changed stops it all the same, in the same transaction and without a further
 * round trip. What differs is read and judged again (`attempt`).
 */
export class BelievedFreezes {
  readonly #db: Kysely<Tables>;
  readonly #seals: Seals;
  readonly #readings: SetReadings | null;
  #opened = false;
  /** What was judged last, and the rows; null: nothing that may be believed. */
  #looks: string | null = null;
  #rows: readonly FreezeRow[] = [];
  /** Set by this process and not found by the next read; in force until an operator accepts the store. */
  readonly #vanished = new Map<string, FreezeRow>();
  /** The last event when this process began: what the log says after it has to be in the rows. */
  #since: number | null = null;
  /** How many reads have begun, and the number of the one whose result is believed. */
  #begun = 0;
  #result = 0;

  constructor(db: Kysely<Tables>, seals: Seals, readings: SetReadings | null) {
    this.#db = db;
    this.#seals = seals;
    this.#readings = readings;
  }

  /**
   * Those in force, oldest first. While the set is not what a gateway left there are also those that it had before, and
   * those that the log says were set and not lifted: what cannot be believed stops more, not less.
   */
  async read(): Promise<readonly FreezeRow[]> {
    return this.#read(null);
  }

  /** This process has just set it: it must be in the set, or lifted as the log says. False: an alarm stands. */
  async isThere(row: FreezeRow): Promise<boolean> {
    await this.#read(row);
    return !this.#vanished.has(row.id);
  }

  async #read(own: FreezeRow | null): Promise<readonly FreezeRow[]> {
    const [db, seals] = [this.#db, this.#seals];
    if (!this.#opened) await openSet(db, seals, FREEZE_SET);
    this.#opened = true;
    const turn = this.#readings?.begin() ?? 0;
    this.#begun += 1;
    const begun = this.#begun;
    const { rows, beside, ...seen } = await this.#look();
    let { reading } = seen;
    if (own !== null && !rows.some(({ id }) => id === own.id) && !(await wasLifted(db, seals, own))) {
      this.#vanished.set(own.id, own);
      reading = { ...reading, fault: `there is no freeze ${own.id}, which was set just now` };
    }
    const judged = this.#readings?.read(turn, reading) ?? (reading.fault === null ? 'believed' : 'refused');
    if (judged === 'refused') {
      this.#looks = null;
      return this.#together([...rows, ...this.#rows, ...(await loggedFreezes(db, seals, 0))]);
    }
    // Of two reads that overlap, the one that began last counts.
    if (judged === 'believed' && begun > this.#result) {
      this.#result = begun;
      this.#looks = beside;
      this.#rows = rows;
    }
    return this.#together(rows);
  }

  /** With those that have vanished; oldest first, each once. */
  #together(rows: readonly FreezeRow[]): readonly FreezeRow[] {
    if (this.#readings?.isAtFault(FREEZE_SET.name) === false) this.#vanished.clear();
    const each = [...new Map([...this.#vanished.values(), ...rows].map((row) => [row.id, row])).values()];
    return each.sort((one, other) => one.since.getTime() - other.since.getTime());
  }

  /** The rows with their head, and where they have changed since they were believed with what the log says of them. */
  async #look(): Promise<ReadSet<FreezeRow>> {
    const [db, seals] = [this.#db, this.#seals];
    const set = await readSet(db, seals, FREEZE_SET, LOOKS);
    this.#since ??= Number(set.beside!.split(' ')[1]);
    const since = this.#since;
    if (set.beside === this.#looks || set.reading.fault !== null) return set;
    return db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (trx) => {
        const same = await readSet(trx, seals, FREEZE_SET, LOOKS);
        const logged = await loggedFreezes(trx, seals, since);
        const missing = logged.find(({ id }) => !same.rows.some((row) => row.id === id));
        if (missing === undefined || same.reading.fault !== null) return same;
        return {
          ...same,
          reading: { ...same.reading, fault: `there is no freeze ${missing.id}, which the log says was set` },
        };
      });
  }

  /** Nothing is frozen that stops this grant at this server, and what was judged is what is there. */
  unless(place: FrozenPlace): RawBuilder<unknown> {
    return sql`${isNotFrozen(stops(place))} and ${LOOKS} = ${this.judged}::text`;
  }

  /** How the freezes look that were judged last: what a row brings as its `looks` to `unlessOfRow`. */
  get judged(): string {
    return this.#looks ?? 'nothing that may be believed';
  }

  /**
   * Works with `unless`. Where that is refused because the freezes are others than those that were judged, they are read
   * again, and it is tried once more.
   */
  async attempt<T>(work: () => Promise<T>, wasRefused: (result: T) => boolean): Promise<T> {
    if (this.#looks === null) await this.read();
    const before = this.#looks;
    const result = await work();
    if (!wasRefused(result)) return result;
    await this.read();
    return this.#looks === null || this.#looks === before ? result : work();
  }
}

/**
 * `for share` makes a freeze that is being set wait for this transaction, and this statement for that freeze, so that each
 * sees the other.
 */
function isNotFrozen(stops: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`not exists (select 1 from holdfast.freezes z where z.lifted_at is null and ${stops} for share)`;
}

/** As `BelievedFreezes.unless`, of a row `f` that says where (`server`, `principal`, `grant_name`) and what was judged (`looks`). */
export const unlessOfRow: RawBuilder<unknown> = sql`${isNotFrozen(sql`(z.scope = 'all'
    or (z.scope = 'server' and z.name = f.server) or (z.scope = 'grant' and z.name in (f.principal, f.grant_name)))`)}
  and ${LOOKS} = f.looks`;

/** Nothing is believed here: it tells why a commit was refused. */
export function isFrozen(place: FrozenPlace): RawBuilder<unknown> {
  return sql`exists (select 1 from holdfast.freezes z where z.lifted_at is null and ${stops(place)})`;
}

function stops({ server, grant }: FrozenPlace): RawBuilder<unknown> {
  return sql`(z.scope = 'all' or (z.scope = 'server' and z.name = ${server}::text)
    or (z.scope = 'grant' and z.name in (${grant}::text, ${grantNameOf(grant)}::text)))`;
}

/** In the log's own words: somebody was quicker. */
async function wasLifted(db: Kysely<Tables>, seals: Seals, { id }: FreezeRow): Promise<boolean> {
  const lifted = await decidingEvents(db, ['freeze.lifted'], sql`strpos(e.body, ${id}::text) > 0`, sql`e.n`);
  return lifted.some((row) => isOwnEvent(seals, row));
}
