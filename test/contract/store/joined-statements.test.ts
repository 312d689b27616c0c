import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Kysely, PostgresDialect, sql } from 'kysely';
import type pg from 'pg';
import { THEN_COMMIT, WITH_THE_NEXT } from '../../../src/sql/connection/joined-statements.ts';
import { keepPlans } from '../../../src/sql/connection/kept-plan.ts';
import { postgresPool } from '../../../src/sql/connection/postgres-pool.ts';
import { query } from '../../support/store/backing.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';

describe('statements that go in one message', { skip: skipWithout('postgres') }, () => {
  let server: TestServer;
  let pool: pg.Pool;
  let db: Kysely<unknown>;
  /** Writes to the one connection. */
  let writes = 0;

  before(async () => {
    server = await startPostgres();
    await query(server.url, 'create table public.kept (n int primary key, word text)');
    pool = postgresPool({ url: server.url, name: 'test', connections: 1, joined: true });
    pool.on('connect', keepPlans());
    pool.on('connect', (client) => {
      const { stream } = (client as unknown as { connection: { stream: { _writev: unknown; _write: unknown } } })
        .connection;
      for (const name of ['_write', '_writev'] as const) {
        const write = stream[name] as (...args: unknown[]) => unknown;
        stream[name] = (...args: unknown[]) => {
          writes += 1;
          return Reflect.apply(write, stream, args);
        };
      }
    });
    db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    await sql`select 1`.execute(db);
  });
  after(async () => {
    await db.destroy();
    await server.stop();
  });

  const words = async (): Promise<unknown[]> =>
    (await query(server.url, 'select word from public.kept order by n')).map(({ word }) => word);
  const empty = () => query(server.url, 'truncate public.kept');
  const insert = (n: number, word: string, mark = sql``) =>
    sql<{ n: number }>`${mark} insert into public.kept values (${n}::int, ${word}::text) returning n`;
  /** Whether the connection is in no transaction. */
  const isFree = async () => {
    const now = async () => (await sql<{ at: string }>`select now()::text as at`.execute(db)).rows[0]?.at;
    const before = await now();
    return before !== (await now());
  };

  test('begin goes with the first statement, and the commit with the last that says so', async () => {
    await empty();
    writes = 0;
    const found = await db.transaction().execute(async (trx) => {
      await sql`${WITH_THE_NEXT} select pg_advisory_xact_lock(hashtextextended(${'a lock'}, 0))`.execute(trx);
      return insert(1, 'one', THEN_COMMIT).execute(trx);
    });
    assert.deepEqual(found.rows, [{ n: 1 }]);
    assert.equal(writes, 1, 'begin, lock, insert and commit are one write');
    assert.deepEqual(await words(), ['one']);
    writes = 0;
    await db.transaction().execute(async (trx) => {
      await insert(2, 'two').execute(trx);
      await insert(3, 'three').execute(trx);
    });
    assert.equal(writes, 3);
    assert.deepEqual(await words(), ['one', 'two', 'three']);
    assert.ok(await isFree());
  });

  test('P6: a statement that fails commits nothing, wherever it stands, and the connection goes on', async () => {
    await empty();
    await insert(1, 'there').execute(db);
    const twice = { code: '23505' };
    const first = db.transaction().execute((trx) => insert(1, 'again').execute(trx));
    await assert.rejects(first, twice);
    const last = db.transaction().execute(async (trx) => {
      await insert(2, 'lost').execute(trx);
      await insert(1, 'again', THEN_COMMIT).execute(trx);
    });
    await assert.rejects(last, twice);
    const only = db.transaction().execute((trx) => insert(1, 'again', THEN_COMMIT).execute(trx));
    await assert.rejects(only, twice);
    const unread = db.transaction().execute(async (trx) => {
      await sql`${WITH_THE_NEXT} select 1 / length(${''})`.execute(trx);
      await insert(3, 'lost', THEN_COMMIT).execute(trx);
    });
    await assert.rejects(unread, { code: '22012' });
    assert.deepEqual(await words(), ['there']);
    assert.ok(await isFree());
  });

  test('a transaction that is given up before its first statement was never begun', async () => {
    await empty();
    writes = 0;
    await assert.rejects(
      db.transaction().execute(async () => Promise.reject(new Error('given up'))),
      /given up/,
    );
    assert.equal(writes, 0);
    await db
      .transaction()
      .execute(async (trx) => {
        await insert(1, 'one').execute(trx);
        throw new Error('given up later');
      })
      .catch(() => undefined);
    assert.deepEqual(await words(), []);
    assert.ok(await isFree());
  });

  test('what a statement is told of its parameters and rows is the same as alone', async () => {
    const values = sql<Record<string, unknown>>`select ${'a'}::text as text, ${null}::text as nothing,
      ${new Date(0)}::timestamptz as instant, ${Buffer.from([0, 255])}::bytea as bytes, ${7}::int as number`;
    const alone = (await values.execute(db)).rows;
    const joined = await db.transaction().execute(async (trx) => (await values.execute(trx)).rows);
    assert.deepEqual(joined, alone);
  });

  test('a transaction whose isolation is named is sent as it is', async () => {
    const level = await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(
        async (trx) =>
          (await sql<{ is: string }>`select current_setting('transaction_isolation') as is`.execute(trx)).rows[0]?.is,
      );
    assert.equal(level, 'repeatable read');
    const usual = await db
      .transaction()
      .execute(
        async (trx) =>
          (await sql<{ is: string }>`select current_setting('transaction_isolation') as is`.execute(trx)).rows[0]?.is,
      );
    assert.equal(usual, 'read committed');
  });
});
