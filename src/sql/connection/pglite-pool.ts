import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { PGlite, Transaction } from '@electric-sql/pglite';

/** What a statement gave back, as `pg` tells it. */
export interface PooledResult<Row = Record<string, unknown>> {
  readonly command: string;
  readonly rowCount: number;
  readonly rows: Row[];
}

/** Parsed as `pg` parses them: int8 and numeric stay text, because a double may not hold them. */
const PARSERS = { 20: asIs, 1700: asIs };

const BEGINS = /^\s*(begin|start\s+transaction)\b/i;
const COMMITS = /^\s*(commit|end)\b/i;
const ROLLS_BACK = /^\s*rollback\b(?!\s+to\b)/i;

/**
 * A pool's face over one PGlite: what expects a `pg.Pool` (BullMQ, Kysely's PostgresDialect) shares the database with
 * whoever else holds it. There is one session behind all clients, so session settings are everybody's; a client's
 * `begin … commit` runs in `db.transaction()`, and until it ends every other statement waits. Awaiting another client
 * inside a transaction therefore never ends. `end()` leaves the database open: who opened it closes it.
 */
export function pglitePool(db: PGlite): PglitePool {
  return new PglitePool(db);
}

export class PglitePool extends EventEmitter {
  readonly options: object = { max: Number.POSITIVE_INFINITY };
  readonly #db: PGlite;
  readonly #idle: PgliteClient[] = [];
  readonly #breath = new EventLoopYield();

  constructor(db: PGlite) {
    super();
    this.#db = db;
  }

  async connect(): Promise<PgliteClient> {
    await this.#db.waitReady;
    const client = this.#idle.pop() ?? new PgliteClient(this.#db, this.#breath, () => this.#idle.push(client));
    client.lend();
    return client;
  }

  async query<Row = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<PooledResult<Row>> {
    await this.#breath.take();
    return run<Row>(this.#db, text, params);
  }

  async end(): Promise<void> {}
}

/** One borrower of the session. Says `notification` like `pg` while it is not released. */
export class PgliteClient extends EventEmitter {
  readonly #db: PGlite;
  readonly #breath: EventLoopYield;
  readonly #onRelease: () => void;
  #deafen: () => void = () => undefined;
  #held: Held | null = null;

  constructor(db: PGlite, breath: EventLoopYield, onRelease: () => void) {
    super();
    this.#db = db;
    this.#breath = breath;
    this.#onRelease = onRelease;
  }

  lend(): void {
    this.#deafen();
    this.#deafen = this.#db.onNotification((channel, payload) => this.emit('notification', { channel, payload }));
  }

  async query<Row = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<PooledResult<Row>> {
    await this.#breath.take();
    if (this.#held === null) {
      if (!BEGINS.test(text)) return run<Row>(this.#db, text, params);
      this.#held = await hold(this.#db);
      return { command: 'BEGIN', rowCount: 0, rows: [] };
    }
    const commits = COMMITS.test(text);
    if (!commits && !ROLLS_BACK.test(text)) return run<Row>(this.#held.transaction, text, params);
    const held = this.#held;
    this.#held = null;
    await held.end(commits);
    return { command: commits ? 'COMMIT' : 'ROLLBACK', rowCount: 0, rows: [] };
  }

  /** A transaction left open is rolled back. */
  release(_destroy?: unknown): void {
    this.#deafen();
    this.removeAllListeners();
    void this.#held?.end(false).catch(() => undefined);
    this.#held = null;
    this.#onRelease();
  }
}

/** A transaction kept open between statements. */
interface Held {
  readonly transaction: Transaction;
  end(commit: boolean): Promise<void>;
}

async function hold(db: PGlite): Promise<Held> {
  const begun = Promise.withResolvers<Transaction>();
  const ending = Promise.withResolvers<boolean>();
  const over = db.transaction(async (transaction) => {
    begun.resolve(transaction);
    if (!(await ending.promise)) await transaction.rollback();
  });
  over.catch(begun.reject);
  const transaction = await begun.promise;
  return {
    transaction,
    end: async (commit) => {
      ending.resolve(commit);
      await over;
    },
  };
}

/** Milliseconds of statements after which sockets and timers get their turn. */
const BREATH_MS = 10;

/** PGlite answers without ever returning to the event loop: a busy queue would keep everybody else waiting. */
class EventLoopYield {
  #taken = 0;

  async take(): Promise<void> {
    if (performance.now() - this.#taken < BREATH_MS) return;
    await turn();
    this.#taken = performance.now();
  }
}

/** Without parameters a text may hold several statements; the last one's result counts, as with `pg`'s last. */
async function run<Row>(
  on: PGlite | Transaction,
  text: string,
  params?: readonly unknown[],
): Promise<PooledResult<Row>> {
  const options = { parsers: PARSERS };
  const result =
    params === undefined || params.length === 0
      ? (await on.exec(text, options)).at(-1)
      : await on.query(text, [...params], options);
  const rows = (result?.rows ?? []) as Row[];
  return { command: result?.command ?? '', rowCount: result?.rowCount ?? rows.length, rows };
}

function asIs(text: string): string {
  return text;
}
