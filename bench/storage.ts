import { execFileSync } from 'node:child_process';
import pg from 'pg';
import { available, startPostgres, startRedis } from '../test/support/store/servers.ts';

export interface BenchStorage {
  readonly name: string;
  /** Redis and Postgres. */
  readonly isReal: boolean;
  /** Settings for a gateway with a database of its own. */
  env(database: string): Promise<Record<string, string>>;
  close(): Promise<void>;
}

/** Redis and Postgres where they are installed, otherwise embedded mode; `name` says which. */
export async function realServers(): Promise<BenchStorage> {
  const there = available();
  if (!there.redis || !there.postgres) {
    return {
      name: 'embedded (no Redis or Postgres installed)',
      isReal: false,
      env: async () => ({}),
      close: async () => undefined,
    };
  }
  const [redis, postgres] = [await startRedis(), await startPostgres()];
  let databases = 0;
  return {
    isReal: true,
    name: `Redis and Postgres (${execFileSync('redis-server', ['--version']).toString().split(' ')[2]})`,
    async env(database) {
      const client = new pg.Client({ connectionString: postgres.url });
      await client.connect();
      await client.query(`create database ${database}`);
      await client.end();
      databases += 1;
      return {
        DATABASE_URL: postgres.url.replace(/\/postgres$/, `/${database}`),
        REDIS_URL: redis.url.replace(/\/0$/, `/${databases}`),
        HOLDFAST_SECRET: 'bench-secret-9Qw4zKp1xVd7Lm2sRb8Tf3y',
      };
    },
    async close() {
      await redis.stop();
      await postgres.stop();
    },
  };
}
