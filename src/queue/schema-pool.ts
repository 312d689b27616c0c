import { EventEmitter } from 'node:events';
import type { PgNotification, PgPool, PgPoolClient, PgQueryResult } from 'bullmq';

/** What we need of a pool: a `pg.Pool` is one. */
export interface SqlPool {
  connect(): Promise<SqlClient>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  readonly options?: object;
}

export interface SqlClient {
  query(text: string, params?: unknown[]): Promise<{ rows: unknown[]; rowCount?: number | null }>;
  release(destroy?: boolean): void;
  on(event: 'notification', listener: (message: PgNotification) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  removeListener(event: 'notification', listener: (message: PgNotification) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'end', listener: () => void): unknown;
}

/**
 * The pool as BullMQ sees it: its SQL names no schema, so every session that it gets looks into `bullmq` first. It may
 * share the pool with others, who must name theirs. Ending it is not BullMQ's to do.
 */
export class SchemaPool extends EventEmitter implements PgPool {
  readonly #pool: SqlPool;
  readonly #lent = new Set<Session>();
  readonly #ready = new WeakSet<SqlClient>();

  constructor(pool: SqlPool) {
    super();
    this.#pool = pool;
    this.setMaxListeners(20);
    // Unheard, the break of an idle connection would end the process; the next query meets it anyway. The ear stays on
    // when the queue is closed, because the pool lives on.
    pool.on('error', () => undefined);
  }

  async connect(): Promise<Session> {
    const client = await this.#pool.connect();
    const session = new Session(client, () => this.#lent.delete(session));
    this.#lent.add(session);
    if (!this.#ready.has(client)) {
      try {
        await session.query('set search_path to bullmq, public');
      } catch (error) {
        session.release(true);
        throw error;
      }
      this.#ready.add(client);
    }
    return session;
  }

  async query<R>(text: string, params?: readonly unknown[]): Promise<PgQueryResult<R>> {
    const session = await this.connect();
    let broken = true;
    try {
      const result = await session.query<R>(text, params);
      broken = false;
      return result;
    } catch (error) {
      // The server's own refusal leaves the session as it was; anything else means that it may be gone.
      broken = (error as { severity?: string }).severity !== 'ERROR';
      throw error;
    } finally {
      session.release(broken);
    }
  }

  async end(): Promise<void> {}

  /** Gives everything back at once, broken. */
  async drop(): Promise<void> {
    for (const session of this.#lent) session.release(true);
  }
}

/** A borrowed connection with listeners of its own, so that taking them off never leaves the real one without any. */
class Session extends EventEmitter implements PgPoolClient {
  readonly #client: SqlClient;
  readonly #onRelease: () => void;
  #released = false;
  readonly #notified = (message: PgNotification): void => void this.emit('notification', message);
  readonly #ended = (): void => void this.emit('end');
  readonly #failed = (error: Error): void => {
    if (this.listenerCount('error') > 0) this.emit('error', error);
  };

  constructor(client: SqlClient, onRelease: () => void) {
    super();
    this.setMaxListeners(50);
    this.#client = client;
    this.#onRelease = onRelease;
    client.on('notification', this.#notified);
    client.on('error', this.#failed);
    client.on('end', this.#ended);
  }

  query<R>(text: string, params?: readonly unknown[]): Promise<PgQueryResult<R>> {
    return this.#client.query(text, params === undefined ? undefined : [...params]) as Promise<PgQueryResult<R>>;
  }

  release(destroy = false): void {
    if (this.#released) return;
    this.#released = true;
    this.#onRelease();
    this.#client.removeListener('notification', this.#notified);
    this.#client.removeListener('end', this.#ended);
    // A connection that is thrown away may still break aloud.
    if (!destroy) this.#client.removeListener('error', this.#failed);
    this.#client.release(destroy);
  }
}
