import { createPostgresBackend, type PgPool, type PostgresConnectionOptions } from 'bullmq';
import type { Clock, Log, Queue } from '../ports.ts';
import { LONGEST_WAIT_MS, OUTBOX, PARKED, type QueueBackend } from './backend.ts';
import { bullQueue } from './bull-queue.ts';
import { lookBack } from './look-back.ts';
import { SchemaPool, type SqlPool } from './schema-pool.ts';
import { openQueueSchema } from './sql-schema.ts';

export interface SqlQueueSettings {
  /**
   * A `pg.Pool`, or PGlite behind the same interface. Three connections stay borrowed for LISTEN, so it needs more than
   * three. Whoever made the pool ends it, after this queue is closed.
   */
  readonly pool: SqlPool;
  readonly log: Log;
  readonly clock?: Clock;
}

/** Postgres' own code for a write into what is read-only. */
const CANNOT_WRITE = '25006';
const READ_ONLY = "select pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as readonly";
const READ_ONLY_REFUSAL = {
  what: 'The database is read-only and refuses writes',
  remedy: 'Point DATABASE_URL at the primary, or end the read-only state.',
};

/** Milliseconds that a lock lasts, and above which a process with a wrong clock wrote it. */
const LOCK_MS = 15_000;
const LONG_LOCK_MS = 60_000;

/** With fewer connections the workers would wait for each other. */
const FEWEST_CONNECTIONS = 5;

/** The queue in SQL, in the schema `bullmq`. Throws a TypeError when the pool is too small. */
export function sqlQueue({ pool, log, clock }: SqlQueueSettings): Queue {
  const { max } = (pool.options ?? {}) as { max?: number };
  if (max !== undefined && max < FEWEST_CONNECTIONS) {
    throw new TypeError(`the queue's pool needs ${FEWEST_CONNECTIONS} connections or more`);
  }
  return bullQueue(sqlBackend(new SchemaPool(pool)), log, clock);
}

function sqlBackend(pool: SchemaPool): QueueBackend<PostgresConnectionOptions> {
  const connection = pool as PgPool;
  return {
    name: 'The database',
    factory: (name, opts, kind) => {
      const backend = createPostgresBackend(name, opts, kind);
      if (kind?.blocking) lookBack(backend, name, pool);
      return backend;
    },
    prefix: '',
    queueConnection: connection,
    workerConnection: connection,
    // Notifications may be merged into one under load; then the next read finds the event.
    eventsBlockMs: 1_000,
    describe,
    open: async () => {
      const client = await pool.connect();
      try {
        await openQueueSchema(client);
      } finally {
        client.release();
      }
    },
    // A gateway does not run without its database anyway.
    mayComeBack: () => false,
    ping: async () => {
      const { rows } = await pool.query<{ readonly: boolean }>(READ_ONLY);
      if (rows[0]?.readonly) throw Object.assign(new Error('the database is read-only'), { code: CANNOT_WRITE });
    },
    refusal: (error) => ((error as { code?: unknown }).code === CANNOT_WRITE ? READ_ONLY_REFUSAL : null),
    lastEventId: async () => {
      const { rows } = await pool.query<{ last: string }>(
        'select coalesce(max(id), 0)::text as last from bullmq.event where queue = $1',
        [PARKED],
      );
      return rows[0]?.last ?? '0';
    },
    withoutJob: async (ids) => {
      const { rows } = await pool.query<{ id: string }>(
        `select id from bullmq.job where queue = $1
         and id in (select jsonb_array_elements_text($2::jsonb))`,
        [PARKED, JSON.stringify(ids)],
      );
      const parked = new Set(rows.map((row) => row.id));
      return ids.filter((id) => !parked.has(id));
    },
    stranded: async (now) => {
      const locks = "update bullmq.job set locked_until_ms = $1 where state = 'active' and locked_until_ms > $2";
      await pool.query(locks, [now.getTime() + LOCK_MS, now.getTime() + LONG_LOCK_MS]);
      const { rows } = await pool.query<{ id: string }>(
        "select id from bullmq.job where queue = $1 and state = 'delayed' and process_at_ms > $2 limit 100",
        [OUTBOX, now.getTime() + LONGEST_WAIT_MS],
      );
      return rows.map(({ id }) => id);
    },
    checkConnections: async () => undefined,
    disconnect: () => pool.releaseAll(),
  };
}

/** Only an error's message: Postgres puts no password in it, while its details may hold values. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error);
}
