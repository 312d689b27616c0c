import type { Secrets } from '../../config/secrets.ts';
import type { Settings } from '../../config/settings.ts';
import type { Clock, Log, Queue } from '../../ports.ts';
import { redisQueue } from '../../queue/redis.ts';
import { sqlQueue } from '../../queue/sql.ts';
import type { SqlConnection } from '../../sql/connection/connection.ts';
import { openPglite } from '../../sql/connection/pglite.ts';
import { pglitePool } from '../../sql/connection/pglite-pool.ts';
import { openPostgres } from '../../sql/connection/postgres.ts';
import { postgresPool, termsOf } from '../../sql/connection/postgres-pool.ts';
import { clockOf } from './clocks.ts';
import { explainUnreachable } from './out-of-reach.ts';

/** The database and the queue that the settings ask for. */
export interface Storage {
  readonly connection: SqlConnection;
  readonly queue: Queue;
  /** The database's, or with an embedded one this machine's. */
  readonly clock: Clock;
  /** Closes what was opened for the queue alone. The connection is closed by itself. */
  closeQueue(): Promise<void>;
  /** For the end of a start: gives back what it has left in memory; absent: that is not worth the time. */
  giveBack?(): Promise<void>;
}

/** Connections for a queue in SQL: three listen, the others work. */
const QUEUE_CONNECTIONS = 8;

/** What a pooler by transaction does not carry. */
const NEEDS_SESSIONS =
  'DATABASE_URL leads through a pooler that lends sessions by transaction (pgbouncer, pool_mode = transaction), and the ' +
  'queue in SQL needs sessions of its own. Set DATABASE_DIRECT_URL to the same database without the pooler, or REDIS_URL.';

/** Throws when the database cannot be reached. The queue connects only when it is started. */
export async function openStorage(settings: Settings, secrets: Secrets, log: Log): Promise<Storage> {
  if (secrets.databaseUrl === null) {
    const embedded = await openPglite(settings.data, exitWhenLost(log));
    const { giveBack } = embedded;
    if (secrets.redisUrl !== null) return { ...onRedis(embedded, secrets.redisUrl, log), giveBack };
    const clock = clockOf(embedded);
    const queue = sqlQueue({ pool: pglitePool(embedded.pglite) as never, log, clock });
    return { connection: embedded, queue, clock, closeQueue: async () => undefined, giveBack };
  }
  const { databaseUrl: url, databaseDirectUrl: directUrl } = secrets;
  const connection = await openPostgres({ url, directUrl, log }).catch((error: unknown) => {
    throw explainUnreachable('The database', error);
  });
  if (secrets.redisUrl !== null) return onRedis(connection, secrets.redisUrl, log);
  if (connection.sharesSessions && directUrl === null) {
    await connection.close();
    throw new Error(NEEDS_SESSIONS);
  }
  const name = 'holdfast queue';
  const ofQueue = { url: directUrl ?? url, name, connections: QUEUE_CONNECTIONS, searchPath: 'bullmq, public', log };
  const pool = postgresPool({ ...ofQueue, terms: await termsOf(ofQueue) });
  const clock = clockOf(connection);
  return { connection, queue: sqlQueue({ pool: pool as never, log, clock }), clock, closeQueue: () => pool.end() };
}

/**
 * A process whose database is gone can answer nobody correctly, so it exits for its supervisor to start it again. What
 * was durable is read again then, as after any other death.
 */
function exitWhenLost(log: Log): (why: Error) => void {
  return (why) => {
    log.error(
      { err: why },
      'the embedded database ended itself, most likely because its disk is full; the gateway ends too',
    );
    process.exit(1);
  };
}

function onRedis(connection: SqlConnection, url: string, log: Log): Storage {
  const clock = clockOf(connection);
  const queue = redisQueue({ url, log, clock });
  const start: Queue['start'] = (handlers) =>
    queue.start(handlers).catch((error: unknown) => {
      throw explainUnreachable('Redis', error);
    });
  return { connection, queue: { ...queue, start }, clock, closeQueue: async () => undefined };
}
