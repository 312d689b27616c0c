import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Log } from '../../ports.ts';
import { isMigrated, migrate } from '../migrations/migrate.ts';
import type { SqlConnection } from '../store.ts';
import type { Tables } from '../table/tables.ts';
import { keepPlans } from './kept-plan.ts';

/** Milliseconds that a connection, and a statement, may take before the store counts as gone. */
const PATIENCE = 5_000;

export interface PostgresSettings {
  readonly url: string;
  /** Connections of this process. */
  readonly connections?: number;
  /** What stands between may hand each statement to another connection (Hyperdrive): then no plan is kept. */
  readonly shared?: boolean;
  readonly log: Log;
}

/** Postgres by `DATABASE_URL`. Throws when it cannot be reached or migrated. */
export async function openPostgres({
  url,
  connections = 10,
  shared = false,
  log,
}: PostgresSettings): Promise<SqlConnection> {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: PATIENCE,
    statement_timeout: PATIENCE,
    query_timeout: PATIENCE + 1_000,
    idle_in_transaction_session_timeout: PATIENCE * 2,
    application_name: 'holdfast',
    keepAlive: true,
  });
  // A connection that breaks is replaced by the next query; unheard, the event would end the process. The pool hears
  // those that are idle; one that is lent out, between two statements of a transaction, only hears itself.
  pool.on('error', (error) => log.warn({ code: (error as { code?: string }).code }, 'a database connection broke'));
  pool.on('connect', (client) => client.on('error', () => undefined));
  if (!shared) pool.on('connect', keepPlans());
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    if (!(await isMigrated(db))) await migrated(url);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return { db, close: () => db.destroy() };
}

/**
 * On a connection of its own that waits as long as it takes: an index over a large log, or another replica that is
 * building it, must not be cut off by the patience that calls have.
 */
async function migrated(url: string): Promise<void> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: PATIENCE,
    application_name: 'holdfast migration',
    keepAlive: true,
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(db);
  } finally {
    await db.destroy();
  }
}
