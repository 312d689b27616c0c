import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Log } from '../../ports.ts';
import { MeasuredClock } from '../../time/measured-clock.ts';
import { isMigrated, migrate, namesIn } from '../migrations/migrate.ts';
import { mayMigrate, requireRights, schemaBehind } from '../migrations/rights.ts';
import type { Tables } from '../table/tables.ts';
import type { SqlConnection } from './connection.ts';
import { lossySettings } from './durability.ts';
import { keepPlans } from './kept-plan.ts';
import { readClock } from './read-clock.ts';

/** Milliseconds that connecting, and a statement, may take before the store counts as gone. */
const ANSWER_MS = 5_000;

export interface PostgresSettings {
  readonly url: string;
  /** Connections of this process. */
  readonly connections?: number;
  /** A pooler in between may hand each statement to another connection (Hyperdrive), so no plan is kept. */
  readonly shared?: boolean;
  readonly log: Log;
}

/**
 * Postgres by `DATABASE_URL`. Throws when it cannot be reached or migrated, and with what to run where its schema is old
 * and this user may not change it.
 */
export async function openPostgres({
  url,
  connections = 10,
  shared = false,
  log,
}: PostgresSettings): Promise<SqlConnection> {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: ANSWER_MS,
    statement_timeout: ANSWER_MS,
    query_timeout: ANSWER_MS + 1_000,
    idle_in_transaction_session_timeout: ANSWER_MS * 2,
    application_name: 'holdfast',
    keepAlive: true,
  });
  // A connection that breaks is replaced by the next query. Without a listener its error would end the process. The
  // pool emits those of idle connections; one that is in use, between two statements of a transaction, emits its own.
  let broke = (): void => undefined;
  pool.on('error', (error) => {
    broke();
    log.warn({ code: (error as { code?: string }).code }, 'a database connection broke');
  });
  pool.on('connect', (client) => client.on('error', () => broke()));
  if (!shared) pool.on('connect', keepPlans());
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const clock = new MeasuredClock();
  try {
    // Both at once: on Workers each start is somebody's request.
    const [migrated] = await Promise.all([isMigrated(db).catch(notSeen), readClock(db, clock)]);
    if (!migrated) {
      if (!(await mayMigrate(db))) throw await schemaBehind(db);
      await migrateDatabase(url);
    }
    // On Workers this would be one more round trip.
    if (!shared) await requireRights(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    db,
    clock,
    close: () => db.destroy(),
    onBreak: (listener) => {
      broke = listener;
    },
    lossy: () => lossySettings(db),
  };
}

/** A schema that this user may not look at is, to it, not migrated. */
function notSeen(error: unknown): false {
  if ((error as { code?: string }).code === '42501') return false;
  throw error;
}

/**
 * Brings the schema up to date, and returns the names of what was missing. On a connection of its own without time-outs: building an index over a large log, or waiting for another replica that
 * builds it, must not be cut off by the time-out for calls.
 */
export async function migrateDatabase(url: string): Promise<readonly string[]> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: ANSWER_MS,
    application_name: 'holdfast migration',
    keepAlive: true,
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    const before = await namesIn(db);
    await migrate(db);
    return (await namesIn(db)).filter((name) => !before.includes(name));
  } finally {
    await db.destroy();
  }
}
