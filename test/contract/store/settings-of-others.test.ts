import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { Take } from '../../../src/domain/policy/limit.ts';
import { openPostgres } from '../../../src/sql/connection/postgres.ts';
import { sqlLedger } from '../../../src/sql/ledger.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import { quiet } from '../../support/log.ts';
import { query } from '../../support/store/backing.ts';
import { type Pooler, startPgbouncer } from '../../support/store/pgbouncer.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { again, eventOf, newApproval, newJoiner, open, through } from '../../support/store/world.ts';

/** What a database or a role may be set to, and what would break by it. */
const SETTINGS: readonly (readonly [setting: string, why: string])[] = [
  ["DateStyle to 'German'", 'times are read in ISO form'],
  ["DateStyle to 'SQL, DMY'", 'times are read in ISO form'],
  ["DateStyle to 'Postgres, MDY'", 'times are read in ISO form'],
  ["IntervalStyle to 'sql_standard'", 'intervals'],
  ["TimeZone to 'Asia/Kathmandu'", 'windows of limits, days'],
  ["bytea_output to 'escape'", 'sealed bytes'],
  ['standard_conforming_strings to off', 'backslashes in literals'],
  ['search_path to other, pg_catalog', 'functions of the same name'],
  ["search_path to ''", 'names without a schema'],
  ["default_transaction_isolation to 'serializable'", 'statements that wait for each other'],
  ["default_transaction_isolation to 'repeatable read'", 'statements that wait for each other'],
  ['default_transaction_deferrable to on', 'transactions that wait'],
  ['extra_float_digits to -10', 'times as numbers'],
  ['array_nulls to off', 'arrays'],
  ['transform_null_equals to on', 'comparisons'],
  ['lock_timeout to 1', 'statements that wait for each other'],
  ['statement_timeout to 1', 'every statement'],
  ["client_encoding to 'LATIN1'", 'text'],
  ['row_security to off', 'nothing'],
  ["lc_messages to 'C'", 'nothing'],
  ['jit to on', 'nothing'],
];
/** Those that pgbouncer keeps us from setting and that nothing in our SQL can make up for; the start says so. */
const NEEDS_ROLE = /statement_timeout|lock_timeout|deferrable|isolation|search_path to other/;

/** A function that takes the place of Postgres' own where its schema is searched first. */
const TRAP = `create schema other;
  create function other.octet_length(text) returns integer language sql as 'select 1000000';
  create function other.now() returns timestamptz language sql as $$select timestamptz '2001-01-01'$$;
  create function other.lower(text) returns text language sql as $$select 'trapped'$$;`;

describe('Settings of others', { skip: skipWithout('postgres') || skipWithout('pgbouncer') }, () => {
  let server: TestServer;
  let pooler: Pooler;
  let made = 0;
  before(async () => {
    server = await startPostgres();
    // Each test has a database of its own, and so a pool.
    pooler = await startPgbouncer(server.port, 'transaction', ['default_pool_size = 6', 'server_idle_timeout = 1']);
  });
  after(async () => {
    await pooler?.stop();
    await server?.stop();
  });

  async function databaseWith(setting: string): Promise<string> {
    made += 1;
    const name = `set_${made}`;
    await query(server.url, `create database ${name}`);
    const url = server.url.replace(/\/postgres$/, `/${name}`);
    await query(url, TRAP);
    await query(server.url, `alter database ${name} set ${setting}`);
    return url;
  }

  test('statements are not compiled, which takes a second where Postgres overestimates what they cost', async () => {
    const connection = await openPostgres({ url: await databaseWith('jit to on'), log: quiet });
    try {
      const set = await sql<{ jit: string }>`select current_setting('jit') as jit`.execute(connection.db);
      assert.equal(set.rows[0]?.jit, 'off');
    } finally {
      await connection.close();
    }
  });

  for (const [setting, why] of SETTINGS) {
    test(`P6: a database set ${setting} keeps and tells everything like every other one (${why})`, async () => {
      await wholeStory(await databaseWith(setting));
    });
    if (!NEEDS_ROLE.test(setting)) {
      test(`P6: behind pgbouncer, too: ${setting}`, async () => {
        await wholeStory(pooler.through(await databaseWith(setting)));
      });
    }
  }
});

const TAKE: Take = {
  ...{ server: 's', counter: 'c', scope: 'global', scopeValue: '*' },
  ...{ window: { calendar: 'day' }, max: '1000', by: '1' },
};

async function wholeStory(url: string): Promise<void> {
  const connection = await openPostgres({ url, log: quiet });
  const store = sqlStore(connection, TEST_SEALS);
  try {
    const request = newApproval({ statedReason: "back\\slash, ünï, \u{1F600}, 'quoted'" });
    const result = await open(store, request, newJoiner());
    assert.ok(result.kind === 'opened');
    const { approval } = result;
    assert.deepEqual(approval.createdAt, request.approval.createdAt);
    const found = await store.find(approval.id);
    assert.equal(found?.broken, null);
    assert.equal(found?.statedReason, request.approval.statedReason);
    assert.deepEqual(found?.expiresAt, request.approval.expiresAt);
    assert.deepEqual(Buffer.from((await store.request(approval.id))!), Buffer.from(request.request));
    const ended = await through(store, approval, 'approved', 'dispatched', 'succeeded');
    assert.deepEqual(Buffer.from((await store.result(ended.id))!), Buffer.from([7]));
    assert.equal((await store.find(ended.id))?.broken, null);
    // All at once, as calls come: statements that wait for each other.
    const many = Array.from({ length: 24 }, (_, index) => index);
    const admitted = await Promise.all(many.map(() => store.admit([TAKE], eventOf('call.allowed'))));
    assert.ok(
      admitted.every((one) => JSON.stringify(one) === JSON.stringify(admitted[0])),
      JSON.stringify(admitted),
    );
    await Promise.all(many.map(() => store.append([eventOf('call.allowed')])));
    const shared = newApproval();
    const joined = await Promise.all(many.map(() => open(store, again(shared), newJoiner())));
    assert.equal(joined.filter(({ kind }) => kind === 'opened').length, 1);
    await store.seal(500);
    const ledger = sqlLedger(connection.db, TEST_SEALS);
    const events = await ledger.chain(0, 500);
    assert.ok(
      events.length > 40 && events.every(({ agrees, ours }) => agrees && ours),
      'each event is told as written',
    );
  } finally {
    await store.close();
  }
}
