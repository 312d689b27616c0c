import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { EmbeddedTransaction } from '../../../src/sql/connection/embedded-database.ts';
import { PgliteThread } from '../../../src/sql/connection/pglite-thread.ts';

describe('PGlite in a thread of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-thread-'));
  const deaths: Error[] = [];
  let db: PgliteThread;
  before(async () => {
    db = new PgliteThread(join(folder, 'sql'), (why) => deaths.push(why));
    await db.waitReady;
    await db.exec('create table t (n int, bytes bytea, at timestamptz, doc jsonb)');
  });
  after(async () => {
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('everybody else has turns while a statement runs', async () => {
    let turns = 0;
    let over = false;
    const count = (): void => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    await db.query('select count(*) from generate_series(1, 300000) a');
    over = true;
    assert.ok(turns > 10, `${turns} turns`);
  });

  test('values travel unchanged, bytes of every kind among them', async () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256);
    const at = new Date('2026-11-29T08:00:00Z');
    await db.query('insert into t values ($1, $2, $3, $4)', [7, bytes, at, JSON.stringify({ a: [1, 'é'] })]);
    const { rows } = await db.query('select * from t where n = 7');
    assert.deepEqual(rows, [{ n: 7, bytes, at, doc: { a: [1, 'é'] } }]);
    const [exact] = await db.exec('select 9007199254740993::int8 as n', { parsers: { 20: (text) => text } });
    assert.deepEqual(exact?.rows, [{ n: '9007199254740993' }]);
  });

  test('an error keeps its SQL state', async () => {
    await assert.rejects(db.query('select * from nowhere'), { code: '42P01' });
  });

  test('a transaction keeps everybody else out, in the order in which they came', async () => {
    const seen: string[] = [];
    const first = db.transaction(async (transaction) => {
      await transaction.query('insert into t (n) values (1)');
      seen.push('first');
      await new Promise((resolve) => setImmediate(resolve));
      await transaction.rollback();
    });
    const counted = db.query<{ count: number }>('select count(*)::int as count from t where n = 1').then(({ rows }) => {
      seen.push('statement');
      return rows[0]?.count;
    });
    const second = db.transaction(async (transaction) => {
      seen.push('second');
      await transaction.query('insert into t (n) values (2)');
    });
    await Promise.all([first, second]);
    assert.equal(await counted, 0);
    assert.deepEqual(seen, ['first', 'statement', 'second']);
    assert.equal((await db.query('select 1 from t where n = 2')).rows.length, 1);
  });

  test('a transaction that throws, or in which a statement failed, is rolled back', async () => {
    await assert.rejects(
      db.transaction(async (transaction) => {
        await transaction.query('insert into t (n) values (3)');
        throw new Error('changed my mind');
      }),
      /changed my mind/,
    );
    const failing = db.transaction(async (transaction) => {
      await transaction.query('insert into t (n) values (3)');
      await transaction.query('select * from nowhere').catch(() => undefined);
    });
    await assert.rejects(failing, { code: '25P02' });
    assert.equal((await db.query('select 1 from t where n = 3')).rows.length, 0);
    let kept: EmbeddedTransaction | null = null;
    await db.transaction(async (transaction) => {
      kept = transaction;
    });
    await assert.rejects(kept!.query('select 1'), /has ended/);
  });

  test('once it is closed, every statement is refused, and that is no death', async () => {
    const other = new PgliteThread(join(folder, 'other'), (why) => deaths.push(why));
    await other.waitReady;
    await other.close();
    await assert.rejects(other.query('select 1'), /is closed/);
    assert.deepEqual(deaths, []);
  });
});
