import pg from 'pg';
import {
  available,
  databaseOf,
  PREPARED_DATABASE,
  preparedUrl,
  skipWithout,
  startPostgres,
  startRedis,
  type TestServer,
} from './servers.ts';

/** The servers that a gateway needs outside embedded mode. */
export interface Backing {
  readonly postgres: TestServer;
  readonly redis: TestServer | null;
  /** Creates a database; returns its URL. `empty`: without a schema, as somebody gives it to a first start. */
  database(terms?: { readonly empty?: boolean }): Promise<string>;
  stop(): Promise<void>;
}

export type BackingKind = 'postgres' | 'redis and postgres';

/** For node:test's `skip`. */
export function skipWithoutBacking(kind: BackingKind): string | false {
  if (kind === 'postgres') return skipWithout('postgres');
  return available().redis ? skipWithout('postgres') : skipWithout('redis');
}

export async function startBacking(kind: BackingKind): Promise<Backing> {
  const [postgres, redis] = await Promise.all([startPostgres(), kind === 'postgres' ? null : startRedis()]);
  let made = 0;
  return {
    postgres,
    redis,
    database: async ({ empty = false } = {}) => {
      made += 1;
      const like = empty || preparedUrl(postgres) === postgres.url ? '' : ` template ${PREPARED_DATABASE}`;
      await query(postgres.url, `create database house_${made}${like}`);
      return databaseOf(postgres.url, `house_${made}`);
    },
    stop: async () => void (await Promise.all([postgres.stop(), redis?.stop()])),
  };
}

/** Runs one statement on a connection of its own. */
export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}
