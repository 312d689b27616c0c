import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { EmbeddedDatabase, EmbeddedTransaction, StatementOptions, StatementResult } from './embedded-database.ts';
import type { FromThread, SentError, ToThread } from './thread-words.ts';
import { Turns } from './turns.ts';

/** The path of the thread's program. Node runs the TypeScript as it stands; a package may hold it compiled. */
export const PGLITE_WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './pglite-worker.ts' : './pglite-worker.js', import.meta.url),
);

/** A statement that the thread has not answered. */
interface AwaitedStatement {
  resolve(results: StatementResult[]): void;
  reject(error: Error): void;
}

type Statement = Pick<Extract<ToThread, { kind: 'query' | 'exec' }>, 'kind' | 'text' | 'params' | 'options'>;

/**
 * PGlite in a thread of its own. It is a whole Postgres in WebAssembly: a statement of some megabytes takes it seconds,
 * in which this thread goes on answering everybody else. Where the thread ends by itself, every statement rejects and
 * `died` is called once.
 */
export class PgliteThread implements EmbeddedDatabase {
  readonly waitReady: Promise<void>;
  readonly #worker: Worker;
  readonly #died: (why: Error) => void;
  readonly #turns = new Turns();
  readonly #awaited = new Map<number, AwaitedStatement>();
  readonly #listeners = new Set<(channel: string, payload: string) => void>();
  #ready = false;
  #over: Error | null = null;
  #statements = 0;

  constructor(dataDir: string, died: (why: Error) => void) {
    this.#died = died;
    this.#worker = new Worker(PGLITE_WORKER, { workerData: { dataDir } });
    const started = Promise.withResolvers<void>();
    this.waitReady = started.promise;
    this.waitReady.catch(() => {});
    this.#worker.on('message', (said: FromThread) => this.#hear(said, started));
    this.#worker.on('error', (error) => this.#end(error, started));
    this.#worker.on('exit', () => this.#end(new Error('the thread of the embedded database ended'), started));
  }

  get ready(): boolean {
    return this.#ready;
  }

  get closed(): boolean {
    return this.#over !== null;
  }

  async query<Row>(text: string, params?: unknown[], options?: StatementOptions): Promise<StatementResult<Row>> {
    await this.#turns.pass();
    return this.#query(text, params, options);
  }

  async exec(text: string, options?: StatementOptions): Promise<StatementResult[]> {
    await this.#turns.pass();
    return this.#ask({ kind: 'exec', text, ...sentOptions(options) });
  }

  async transaction<T>(run: (transaction: EmbeddedTransaction) => Promise<T>): Promise<T | undefined> {
    const endTurn = await this.#turns.take();
    try {
      await this.#ask({ kind: 'exec', text: 'begin' });
      return await this.#inTransaction(run);
    } finally {
      endTurn();
    }
  }

  onNotification(listener: (channel: string, payload: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Gives back what its start has left. It answers nothing meanwhile, for a tenth of a second. */
  async collect(): Promise<void> {
    await this.#ask({ kind: 'collect', text: '' });
  }

  async close(): Promise<void> {
    if (this.#over !== null) return;
    await this.#turns.pass();
    const closing = this.#ask({ kind: 'close', text: '' });
    this.#over = new Error('the embedded database is closed');
    await closing;
    await this.#worker.terminate();
  }

  async #inTransaction<T>(run: (transaction: EmbeddedTransaction) => Promise<T>): Promise<T | undefined> {
    let open = true;
    const check = (): void => {
      if (!open) throw new Error('the transaction has ended');
    };
    const end = async (how: 'commit' | 'rollback'): Promise<void> => {
      check();
      open = false;
      const [ended] = await this.#ask({ kind: 'exec', text: how });
      // A transaction in which a statement failed is rolled back by its commit, without an error of its own.
      if (how === 'commit' && ended?.command === 'ROLLBACK') {
        throw Object.assign(new Error('the transaction was rolled back instead of committed'), { code: '25P02' });
      }
    };
    const transaction: EmbeddedTransaction = {
      query: async (text, params, options) => {
        check();
        return this.#query(text, params, options);
      },
      exec: async (text, options) => {
        check();
        return this.#ask({ kind: 'exec', text, ...sentOptions(options) });
      },
      rollback: () => end('rollback'),
    };
    try {
      const result = await run(transaction);
      if (open) await end('commit');
      return result;
    } catch (error) {
      if (open) await end('rollback').catch(() => undefined);
      throw error;
    }
  }

  async #query<Row>(text: string, params?: unknown[], options?: StatementOptions): Promise<StatementResult<Row>> {
    const sent = params === undefined ? {} : { params };
    const [result] = await this.#ask({ kind: 'query', text, ...sent, ...sentOptions(options) });
    return (result ?? { rows: [] }) as StatementResult<Row>;
  }

  #ask(statement: Statement | { kind: 'close' | 'collect'; text: '' }): Promise<StatementResult[]> {
    if (this.#over !== null) return Promise.reject(this.#over);
    const id = ++this.#statements;
    return new Promise((resolve, reject) => {
      this.#awaited.set(id, { resolve, reject });
      // The thread keeps the process alive only while somebody waits for it.
      if (this.#awaited.size === 1) this.#worker.ref();
      this.#worker.postMessage({ id, ...statement } satisfies ToThread);
    });
  }

  #hear(said: FromThread, started: PromiseWithResolvers<void>): void {
    switch (said.kind) {
      case 'ready':
        this.#ready = true;
        if (this.#awaited.size === 0) this.#worker.unref();
        started.resolve();
        return;
      case 'not_started':
        this.#over = errorOf(said.error);
        started.reject(this.#over);
        return;
      case 'died':
        this.#end(errorOf(said.error), started);
        return;
      case 'notification':
        for (const listener of this.#listeners) listener(said.channel, said.payload);
        return;
      case 'done':
        this.#settle(said.id)?.resolve(said.results);
        return;
      case 'failed':
        this.#settle(said.id)?.reject(errorOf(said.error));
        return;
      default:
        said satisfies never;
    }
  }

  #settle(id: number): AwaitedStatement | undefined {
    const statement = this.#awaited.get(id);
    this.#awaited.delete(id);
    if (this.#awaited.size === 0 && this.#ready) this.#worker.unref();
    return statement;
  }

  #end(why: Error, started: PromiseWithResolvers<void>): void {
    if (this.#over === null) {
      this.#over = why;
      if (this.#ready) this.#died(why);
    }
    started.reject(this.#over);
    for (const statement of this.#awaited.values()) statement.reject(this.#over);
    this.#awaited.clear();
  }
}

function sentOptions({ rowMode, parsers }: StatementOptions = {}): Pick<Statement, 'options'> {
  const unparsed = parsers === undefined ? [] : Object.keys(parsers).map(Number);
  return { options: { ...(rowMode === undefined ? {} : { rowMode }), unparsed } };
}

/** With what PGlite adds to an error, its SQL state among it. */
function errorOf({ message, stack, members }: SentError): Error {
  const error = Object.assign(new Error(message), members);
  if (stack !== null) error.stack = stack;
  return error;
}
