import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PostgresDialect, type PostgresPool } from 'kysely';
import { sqlQueue } from '../../../src/queue/sql.ts';
import { pglitePool } from '../../../src/sql/connection/pglite-pool.ts';
import { writtenLog } from '../../support/log.ts';
import { inMs, newId, startReplica } from '../../support/store/queue.ts';
import { until } from '../../support/wait.ts';

describe('a pool over one PGlite', () => {
  let db: PGlite;
  before(async () => {
    db = await PGlite.create();
    await db.exec('create schema holdfast; create table holdfast.note (text text)');
  });
  beforeEach(() => db.exec('truncate holdfast.note'));
  after(() => db.close());

  const notes = async (): Promise<unknown[]> =>
    (await db.query<{ text: string }>('select text from holdfast.note order by text')).rows.map((row) => row.text);

  test('answers like pg: the command, the count, and int8 as text', async () => {
    const pool = pglitePool(db);
    const inserted = await pool.query('insert into holdfast.note values ($1), ($2)', ['a', 'b']);
    assert.deepEqual([inserted.command, inserted.rowCount], ['INSERT', 2]);
    const { rows } = await pool.query(
      '-- how many\nselect count(*) as n, 9007199254740993::int8 as big from holdfast.note',
    );
    assert.deepEqual(rows, [{ n: '2', big: '9007199254740993' }]);
  });

  test('a client’s transaction keeps everybody else out until it ends', async () => {
    const pool = pglitePool(db);
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('insert into holdfast.note values ($1)', ['inside']);
    let seen: unknown[] | null = null;
    const reading = notes().then((found) => {
      seen = found;
    });
    await client.query('savepoint here');
    await client.query('insert into holdfast.note values ($1)', ['undone']);
    await client.query('rollback to savepoint here');
    assert.equal(seen, null, 'the reader waits');
    await client.query('COMMIT');
    await reading;
    assert.deepEqual(seen, ['inside']);
    client.release();
  });

  test('rolls back on demand, and when a client is given back in the middle', async () => {
    const pool = pglitePool(db);
    for (const finish of ['ROLLBACK', null]) {
      const client = await pool.connect();
      await client.query('begin');
      await client.query('insert into holdfast.note values ($1)', ['gone']);
      if (finish !== null) await client.query(finish);
      client.release();
    }
    assert.deepEqual(await notes(), []);
  });

  test('a failed statement leaves the transaction to be rolled back, and the session usable', async () => {
    const client = await pglitePool(db).connect();
    await client.query('begin');
    await assert.rejects(client.query('select nonsense'));
    await client.query('rollback');
    assert.equal((await client.query('select 1 as one')).rowCount, 1);
    client.release();
  });

  test('tells notifications to the clients that are lent, and to nobody afterwards', async () => {
    const pool = pglitePool(db);
    const client = await pool.connect();
    const heard: string[] = [];
    client.on('notification', ({ payload }: { payload: string }) => heard.push(payload));
    await client.query('-- a comment first\nlisten bell');
    await pool.query("select pg_notify('bell', $1)", ['one']);
    await until('heard', () => heard.length === 1);
    client.release();
    await pool.query("select pg_notify('bell', $1)", ['two']);
    assert.deepEqual(heard, ['one']);
  });

  test('serves Kysely’s Postgres dialect', async () => {
    const kysely = new Kysely<{ 'holdfast.note': { text: string } }>({
      dialect: new PostgresDialect({ pool: pglitePool(db) as unknown as PostgresPool }),
    });
    await kysely.transaction().execute(async (trx) => {
      await trx.insertInto('holdfast.note').values({ text: 'kept' }).execute();
    });
    const failed = kysely.transaction().execute(async (trx) => {
      await trx.insertInto('holdfast.note').values({ text: 'not kept' }).execute();
      throw new Error('no');
    });
    await assert.rejects(failed, /no/);
    assert.deepEqual(await kysely.selectFrom('holdfast.note').select('text').execute(), [{ text: 'kept' }]);
    await kysely.destroy();
    assert.equal(db.closed, false, 'who opened it closes it');
  });

  test('the queue works beside transactions of others, and leaves their schema alone', async () => {
    const a = await startReplica(sqlQueue({ pool: pglitePool(db), log: writtenLog().log }));
    try {
      const ids = Array.from({ length: 20 }, newId);
      await Promise.all(
        ids.flatMap((id) => [
          a.queue.park(id, inMs(60_000)),
          db.transaction(async (tx) => {
            await tx.query('insert into holdfast.note values ($1)', [id]);
          }),
        ]),
      );
      await Promise.all(ids.map((id) => a.queue.wake(id)));
      await until('all heard', () => ids.every((id) => a.woken.includes(id)));
      assert.equal((await notes()).length, 20);
      const { rows } = await db.query(
        "select table_name from information_schema.tables where table_schema = 'holdfast'",
      );
      assert.deepEqual(rows, [{ table_name: 'note' }]);
    } finally {
      await a.queue.close();
    }
  });
});
