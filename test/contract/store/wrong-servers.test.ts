import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Secrets } from '../../../src/config/secrets.ts';
import type { Settings } from '../../../src/config/settings.ts';
import { openStorage } from '../../../src/main/process/storage.ts';
import { openPostgres } from '../../../src/sql/connection/postgres.ts';
import { writtenLog } from '../../support/log.ts';
import { query } from '../../support/store/backing.ts';
import { type Pooler, startPgbouncer } from '../../support/store/pgbouncer.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { startStandby } from '../../support/store/standby.ts';

/** What is found at the address, and what the start says of it, in one line. */
interface Found {
  /** Makes the database ready; returns the URL that the gateway is given. */
  readonly make: (server: TestServer, name: string) => Promise<string>;
  readonly says: RegExp;
  /** The gateway starts all the same, and its log says it. */
  readonly runs?: true;
}

const databaseOf = ({ url }: TestServer, name: string, user = 'postgres'): string =>
  url.replace(/postgres@/, `${user}@`).replace(/\/postgres$/, `/${name}`);

async function migrated(server: TestServer, name: string): Promise<string> {
  await query(server.url, `create database ${name}`);
  const url = databaseOf(server, name);
  const connection = await openPostgres({ url, log: writtenLog().log });
  await connection.close();
  return url;
}

const FOUND: Readonly<Record<string, Found>> = {
  'a database in LATIN1': {
    make: async (server, name) => {
      await query(server.url, `create database ${name} encoding 'LATIN1' locale 'C' template template0`);
      return databaseOf(server, name);
    },
    says: /its encoding is LATIN1.*createdb -E UTF8 -T template0/,
  },
  'a database in SQL_ASCII': {
    make: async (server, name) => {
      await query(server.url, `create database ${name} encoding 'SQL_ASCII' locale 'C' template template0`);
      return databaseOf(server, name);
    },
    says: /its encoding is SQL_ASCII.*createdb -E UTF8/,
  },
  'a database that is read-only by default': {
    make: async (server, name) => {
      const url = await migrated(server, name);
      await query(server.url, `alter database ${name} set default_transaction_read_only = on`);
      return url;
    },
    says: /default_transaction_read_only is on.*reset default_transaction_read_only/,
  },
  'a role that is read-only by default': {
    make: async (server, name) => {
      await query(server.url, `create database ${name}`);
      await query(server.url, `create role ${name} superuser login`);
      await query(server.url, `alter role ${name} set default_transaction_read_only = on`);
      return databaseOf(server, name, name);
    },
    says: /default_transaction_read_only is on.*alter role/,
  },
  'a role that may create nothing, in an empty database': {
    make: async (server, name) => {
      await query(server.url, `create database ${name}`);
      await query(server.url, `create role ${name} login`);
      return databaseOf(server, name, name);
    },
    says: /this user may not make it\. Run: holdfast migrate, then deploy\/sql\/gateway-rights\.sql/,
  },
  'a role that may only read': {
    make: async (server, name) => {
      const url = await migrated(server, name);
      await query(server.url, `create role ${name} login`);
      await query(url, `grant usage on schema holdfast to ${name}`);
      await query(url, `grant select on all tables in schema holdfast to ${name}`);
      return databaseOf(server, name, name);
    },
    says: /no rights on .*approvals.* in the schema holdfast\. Run deploy\/sql\/gateway-rights\.sql/,
  },
  'somebody else’s schema of the same name': {
    make: async (server, name) => {
      await query(server.url, `create database ${name}`);
      await query(databaseOf(server, name), 'create schema holdfast');
      await query(databaseOf(server, name), 'create table holdfast.ships (id int)');
      return databaseOf(server, name);
    },
    says: /holds ships and no list of Holdfast’s migrations.*database to itself/,
  },
  'the schema of a newer release': {
    make: async (server, name) => {
      const url = await migrated(server, name);
      await query(url, `insert into holdfast.kysely_migration (name, timestamp) values ('9000-later', 'now')`);
      return url;
    },
    says: /A newer release of Holdfast has changed this database \(9000-later\).*works beside it/,
    runs: true,
  },
  'a user that does not exist': {
    make: async (server, name) => databaseOf(server, 'postgres', name),
    says: /it refuses the user|role .* does not exist/,
  },
  'a database that does not exist': {
    make: async (server, name) => databaseOf(server, name),
    says: /it has no database of that name\. Create the database/,
  },
};

describe('A start on what was found at DATABASE_URL', { skip: skipWithout('postgres') }, () => {
  let server: TestServer;
  before(async () => {
    server = await startPostgres(() => ['wal_level=replica', 'max_connections=60']);
  });
  after(() => server?.stop());

  for (const [index, [what, { make, says, runs }]] of Object.entries(FOUND).entries()) {
    test(`P6: ${what}: said in one line, with what to do`, async () => {
      const url = await make(server, `found_${index}`);
      const { said, started } = await start({ databaseUrl: url, redisUrl: 'redis://127.0.0.1:1' });
      assert.match(said, says);
      assert.equal(started, runs === true, said);
    });
  }

  test('P6: a read-only standby: said in one line, with what to do', async () => {
    await query(server.url, 'checkpoint');
    const standby = await startStandby(server.port);
    try {
      const { said, started } = await start({ databaseUrl: standby.url, redisUrl: 'redis://127.0.0.1:1' });
      assert.match(said, /read-only standby\. Point DATABASE_URL at the primary/);
      assert.equal(started, false);
    } finally {
      standby.stop();
    }
  });

  test('P6: a role without CREATE and the queue in SQL: said in one line; with schemas of its own it starts', async () => {
    await query(server.url, 'create database made');
    await query(server.url, 'create role maker login');
    const admin = databaseOf(server, 'made');
    await query(admin, 'create schema holdfast authorization maker');
    const url = databaseOf(server, 'made', 'maker');
    const first = await start({ databaseUrl: url, redisUrl: null });
    assert.match(first.said, /schema bullmq\) are missing or old.*Run: holdfast migrate.*or set REDIS_URL/);
    await query(admin, 'create schema bullmq authorization maker');
    const { started, said } = await start({ databaseUrl: url, redisUrl: null });
    assert.equal(started, true, said);
  });

  describe('behind pgbouncer', { skip: skipWithout('pgbouncer') }, () => {
    const poolers: Pooler[] = [];
    after(() => Promise.all(poolers.map((pooler) => pooler.stop())));

    test('P6: by transaction, the queue in SQL needs a way around it, and says so in one line; with one it runs', async () => {
      const pooler = await startPgbouncer(server.port, 'transaction');
      poolers.push(pooler);
      await query(server.url, 'create database pooled');
      const direct = databaseOf(server, 'pooled');
      const through = pooler.through(direct);
      const refused = await start({ databaseUrl: through, redisUrl: null });
      assert.match(refused.said, /pool_mode = transaction.*Set DATABASE_DIRECT_URL .* or REDIS_URL/);
      assert.equal(refused.started, false);
      const around = await start({ databaseUrl: through, databaseDirectUrl: direct, redisUrl: null });
      assert.equal(around.started, true, around.said);
      assert.match(around.said, /a pooler keeps us from setting time-outs.*statement_timeout/);
    });

    test('P6: by session, the queue in SQL runs', async () => {
      const pooler = await startPgbouncer(server.port, 'session', ['default_pool_size = 40']);
      poolers.push(pooler);
      await query(server.url, 'create database by_session');
      const { started, said } = await start({
        databaseUrl: pooler.through(databaseOf(server, 'by_session')),
        redisUrl: null,
      });
      assert.equal(started, true, said);
    });

    test('P6: what the pooler keeps us from setting is said, with the statement that sets it', async () => {
      const pooler = await startPgbouncer(server.port, 'transaction');
      poolers.push(pooler);
      await query(server.url, 'create database strict');
      await query(server.url, `alter database strict set default_transaction_isolation = 'serializable'`);
      const { started, said } = await start({
        databaseUrl: pooler.through(databaseOf(server, 'strict')),
        redisUrl: 'redis://127.0.0.1:1',
      });
      assert.equal(started, true, said);
      assert.match(said, /isolation, which is serializable.*alter role … set default_transaction_isolation/);
      assert.match(said, /compiling of statements.*alter role … set jit = 'off'/);
    });
  });
});

/** Opens the storage as a start does, and its queue. What it says, by error or by log, has to be one line each. */
async function start(urls: {
  readonly databaseUrl: string;
  readonly databaseDirectUrl?: string;
  readonly redisUrl: string | null;
}): Promise<{ said: string; started: boolean }> {
  const { log, lines } = writtenLog();
  const secrets = { databaseDirectUrl: null, ...urls } as unknown as Secrets;
  try {
    const storage = await openStorage({ data: '/nowhere' } as Settings, secrets, log);
    try {
      if (urls.redisUrl === null) await storage.queue.start(NOBODY);
    } finally {
      await storage.queue.close();
      await storage.closeQueue();
      await storage.connection.close();
    }
    return { said: lines.join('\n'), started: true };
  } catch (error) {
    const said = (error as Error).message;
    assert.doesNotMatch(said, /\n/, 'in one line');
    return { said, started: false };
  }
}

const NOBODY = { due: async () => null, card: async () => null, sweep: async () => undefined };
