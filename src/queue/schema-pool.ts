import { EventEmitter } from 'node:events';
import type { PgPool, PgPoolClient, PgQueryResult } from 'bullmq';

/** What we need of a pool: a `pg.Pool` is one. */
export interface SqlPool {
  connect(): Promise<SqlClient>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  readonly options?: object;
}

/** A message of a channel, as `pg` and PGlite hand it on. */
export interface SqlNotification {
  readonly channel: string;
  readonly payload?: string | undefined;
  readonly processId?: number | undefined;
}

export interface SqlClient {
  query(text: string, params?: unknown[]): Promise<{ rows: unknown[]; rowCount?: number | null }>;
  release(destroy?: boolean): void;
  on(event: 'notification', listener: (message: SqlNotification) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  removeListener(event: 'notification', listener: (message: SqlNotification) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'end', listener: () => void): unknown;
}

/**
 * The pool as BullMQ sees it. BullMQ's SQL names no schema, so every connection that it gets searches `bullmq` first.
 * Others may share the pool if their SQL names its schema. BullMQ never ends it.
 */
export class SchemaPool extends EventEmitter implements PgPool {
  readonly #pool: SqlPool;
  readonly #borrowed = new Set<BorrowedClient>();
  readonly #ready = new WeakSet<SqlClient>();

  constructor(pool: SqlPool) {
    super();
    this.#pool = pool;
    this.setMaxListeners(20);
    // Without a listener a broken idle connection would end the process; the next query replaces it anyway. The
    // listener stays when the queue is closed, because the pool lives on.
    pool.on('error', () => undefined);
  }

  async connect(): Promise<BorrowedClient> {
    const client = await this.#pool.connect();
    const borrowed = new BorrowedClient(client, () => this.#borrowed.delete(borrowed));
    this.#borrowed.add(borrowed);
    if (!this.#ready.has(client)) {
      try {
        await borrowed.query('set search_path to bullmq, public');
      } catch (error) {
        borrowed.release(true);
        throw error;
      }
      this.#ready.add(client);
    }
    return borrowed;
  }

  async query<R>(text: string, params?: readonly unknown[]): Promise<PgQueryResult<R>> {
    const client = await this.connect();
    let broken = true;
    try {
      const result = await client.query<R>(text, params);
      broken = false;
      return result;
    } catch (error) {
      // After an error of the server's own the connection is as it was; after any other it may be gone.
      broken = (error as { severity?: string }).severity !== 'ERROR';
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async end(): Promise<void> {}

  /** Gives every borrowed connection back to the pool at once, to be destroyed. */
  async releaseAll(): Promise<void> {
    for (const client of this.#borrowed) client.release(true);
  }
}

/** A borrowed connection with listeners of its own: BullMQ may remove all of them and the real one still has some. */
class BorrowedClient extends EventEmitter implements PgPoolClient {
  readonly #client: SqlClient;
  readonly #onRelease: () => void;
  #released = false;
  readonly #onNotification = (message: SqlNotification): void => void this.emit('notification', message);
  readonly #onEnd = (): void => void this.emit('end');
  readonly #onError = (error: Error): void => {
    if (this.listenerCount('error') > 0) this.emit('error', error);
  };

  constructor(client: SqlClient, onRelease: () => void) {
    super();
    this.setMaxListeners(50);
    this.#client = client;
    this.#onRelease = onRelease;
    client.on('notification', this.#onNotification);
    client.on('error', this.#onError);
    client.on('end', this.#onEnd);
  }

  query<R>(text: string, params?: readonly unknown[]): Promise<PgQueryResult<R>> {
    return this.#client.query(text, params === undefined ? undefined : [...params]) as Promise<PgQueryResult<R>>;
  }

  release(destroy = false): void {
    if (this.#released) return;
    this.#released = true;
    this.#onRelease();
    this.#client.removeListener('notification', this.#onNotification);
    this.#client.removeListener('end', this.#onEnd);
    // A connection that is destroyed may still emit an error.
    if (!destroy) this.#client.removeListener('error', this.#onError);
    this.#client.release(destroy);
  }
}
