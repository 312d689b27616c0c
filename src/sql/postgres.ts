import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Log } from '../ports.ts';
import { migrate } from './migrations.ts';
import type { Tables } from './schema.ts';
import type { Connection } from './store.ts';

/** Milliseconds that a connection, and a statement, may take before the store counts as gone. */
const PATIENCE = 5_000;

export interface PostgresSettings {
  readonly url: string;
  /** Connections of this process. */
  readonly connections?: number;
  readonly log: Log;
}

/** Postgres by `DATABASE_URL`. Throws when it cannot be reached or migrated. */
export async function openPostgres({ url, connections = 10, log }: PostgresSettings): Promise<Connection> {
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
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(db);
  } catch (error) {
    await pool.end();
    throw new Error(`The database at ${placeOf(url)} cannot be used: ${wordOf(error)}. Check DATABASE_URL.`, {
      cause: error,
    });
  }
  return { db, close: () => db.destroy() };
}

/** The host of a URL that may hold a password. */
function placeOf(url: string): string {
  return URL.parse(url)?.host || 'DATABASE_URL';
}

/** An error of several addresses has no words of its own. */
function wordOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || String(error);
}
