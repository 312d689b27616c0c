import { EventEmitter } from 'node:events';
import type { EmbeddedDatabase, EmbeddedTransaction } from './embedded-database.ts';
import { EventLoopYield } from './event-loop-yield.ts';

/** The result of a statement, as `pg` returns it. */
export interface PooledResult<Row = Record<string, unknown>> {
  readonly command: string;
  readonly rowCount: number;
  readonly rows: Row[];
}

/** Values are parsed as `pg` parses them: int8 and numeric stay text, because a double may not hold them. */
const PARSERS = { 20: unparsed, 1700: unparsed };

const BEGINS = /^\s*(begin|start\s+transaction)\b/i;
const COMMITS = /^\s*(commit|end)\b/i;
const ROLLS_BACK = /^\s*rollback\b(?!\s+to\b)/i;

/**
 * One PGlite behind a pool's interface: what expects a `pg.Pool` (BullMQ, Kysely's PostgresDialect) shares the database
 * with whoever else uses it. There is one session behind all clients, so session settings are everybody's. A client's
 * `begin … commit` runs in `db.transaction()`, and until it ends every other statement waits; so awaiting another
 * client inside a transaction never ends. `end()` leaves the database open: who opened it closes it.
 */
export function pglitePool(db: EmbeddedDatabase): PglitePool {
  return new PglitePool(db);
}

export class PglitePool extends EventEmitter {
  readonly options: object = { max: Number.POSITIVE_INFINITY };
  readonly #db: EmbeddedDatabase;
  readonly #idle: PgliteClient[] = [];
  readonly #eventLoop = new EventLoopYield();

  constructor(db: EmbeddedDatabase) {
    super();
    this.#db = db;
  }

  async connect(): Promise<PgliteClient> {
    await this.#db.waitReady;
    const client = this.#idle.pop() ?? new PgliteClient(this.#db, this.#eventLoop, () => this.#idle.push(client));
    client.lend();
    return client;
  }

  async query<Row = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<PooledResult<Row>> {
    await this.#eventLoop.take();
    return run<Row>(this.#db, text, params);
  }

  async end(): Promise<void> {}
}

/** One borrower of the session. Emits `notification` like `pg` until it is released. */
export class PgliteClient extends EventEmitter {
  readonly #db: EmbeddedDatabase;
  readonly #eventLoop: EventLoopYield;
  readonly #onRelease: () => void;
  #unlisten: () => void = () => undefined;
  #open: OpenTransaction | null = null;

  constructor(db: EmbeddedDatabase, eventLoop: EventLoopYield, onRelease: () => void) {
    super();
    this.#db = db;
    this.#eventLoop = eventLoop;
    this.#onRelease = onRelease;
  }

  lend(): void {
    this.#unlisten();
    this.#unlisten = this.#db.onNotification((channel, payload) => this.emit('notification', { channel, payload }));
  }

  async query<Row = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<PooledResult<Row>> {
    await this.#eventLoop.take();
    if (this.#open === null) {
      if (!BEGINS.test(text)) return run<Row>(this.#db, text, params);
      this.#open = await begin(this.#db);
      return { command: 'BEGIN', rowCount: 0, rows: [] };
    }
    const commits = COMMITS.test(text);
    if (!commits && !ROLLS_BACK.test(text)) return run<Row>(this.#open.transaction, text, params);
    const open = this.#open;
    this.#open = null;
    await open.end(commits);
    return { command: commits ? 'COMMIT' : 'ROLLBACK', rowCount: 0, rows: [] };
  }

  /** A transaction left open is rolled back. */
  release(_destroy?: unknown): void {
    this.#unlisten();
    this.removeAllListeners();
    void this.#open?.end(false).catch(() => undefined);
    this.#open = null;
    this.#onRelease();
  }
}

/** A transaction that stays open between statements. */
interface OpenTransaction {
  readonly transaction: EmbeddedTransaction;
  end(commit: boolean): Promise<void>;
}

async function begin(db: EmbeddedDatabase): Promise<OpenTransaction> {
  const begun = Promise.withResolvers<EmbeddedTransaction>();
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

/** Without parameters a text may hold several statements. The result is the last one's, as with `pg`. */
async function run<Row>(
  on: EmbeddedDatabase | EmbeddedTransaction,
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

function unparsed(text: string): string {
  return text;
}
