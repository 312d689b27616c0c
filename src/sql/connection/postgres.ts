import { Kysely, PostgresDialect } from 'kysely';
import type { Log } from '../../ports.ts';
import { MeasuredClock } from '../../time/measured-clock.ts';
import { isMigrated, migrate, namesIn } from '../migrations/migrate.ts';
import { mayMigrate, requireRights, schemaBehind, schemaNewer } from '../migrations/rights.ts';
import type { Tables } from '../table/tables.ts';
import type { SqlConnection } from './connection.ts';
import { lossySettings } from './durability.ts';
import { keepPlans } from './kept-plan.ts';
import { postgresPool, termsOf } from './postgres-pool.ts';
import { lookAtServer } from './postgres-server.ts';
import { readClock } from './read-clock.ts';

export interface PostgresSettings {
  readonly url: string;
  /** The same database without a pooler in between, for what a pooler does not carry. */
  readonly directUrl?: string | null;
  /** Connections of this process. */
  readonly connections?: number;
  /** A pooler in between may hand each statement to another connection (Hyperdrive), so no plan is kept. */
  readonly shared?: boolean;
  readonly log: Log;
}

/** Postgres, and whether a pooler in between lends a server's session to others after each transaction. */
export interface PostgresConnection extends SqlConnection {
  readonly sharesSessions: boolean;
}

/**
 * Postgres by `DATABASE_URL`. Throws when it cannot be reached or migrated, when nothing can be kept in it as it is, and
 * with what to run where its schema is old and this user may not change it.
 */
export async function openPostgres({
  url,
  directUrl = null,
  connections = 10,
  shared = false,
  log,
}: PostgresSettings): Promise<PostgresConnection> {
  // On Workers each start is somebody's request, and looking first is more round trips.
  const { terms, sharesSessions } = shared ? WORKERS : await lookAtServer(url, log);
  const pool = postgresPool({ url, name: 'holdfast', connections, log, terms, joined: !shared });
  let broke = (): void => undefined;
  pool.on('error', () => broke());
  pool.on('connect', (client) => client.on('error', () => broke()));
  if (!sharesSessions) pool.on('connect', keepPlans());
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const clock = new MeasuredClock();
  try {
    // Both at once: on Workers each start is somebody's request.
    const [migrated] = await Promise.all([isMigrated(db).catch(notSeen), readClock(db, clock)]);
    if (!migrated) {
      if (!(await mayMigrate(db))) throw await schemaBehind(db);
      await migrateDatabase(directUrl ?? url);
    }
    if (!shared) {
      await requireRights(db);
      const newer = await schemaNewer(db);
      if (newer !== null) log.warn({}, newer);
    }
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    db,
    clock,
    sharesSessions,
    close: () => db.destroy(),
    onBreak: (listener) => {
      broke = listener;
    },
    lossy: () => lossySettings(db),
  };
}

/** Hyperdrive is a pooler that is asked for few settings. */
const WORKERS = { terms: { pooled: false, few: true }, sharesSessions: true } as const;

/** A schema that this user may not look at is, to it, not migrated. */
function notSeen(error: unknown): false {
  if ((error as { code?: string }).code === '42501') return false;
  throw error;
}

/**
 * Brings the schema up to date, and returns the names of what was missing. On a connection of its own without time-outs:
 * building an index over a large log, or waiting for another replica that builds it, must not be cut off by the time-out
 * for calls.
 */
export async function migrateDatabase(url: string): Promise<readonly string[]> {
  const settings = { url, name: 'holdfast migration', connections: 1, timed: false };
  const pool = postgresPool({ ...settings, terms: await termsOf(settings) });
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    const before = await namesIn(db);
    await migrate(db);
    return (await namesIn(db)).filter((name) => !before.includes(name));
  } finally {
    await db.destroy();
  }
}
