import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sql } from 'kysely';
import { type SetFinding, SetWatch } from '../../../src/gateway/log/set-watch.ts';
import { openPglite } from '../../../src/sql/connection/pglite.ts';
import { sqlRevocations } from '../../../src/sql/revocations.ts';
import { rebaseSets } from '../../../src/sql/sets/all-sets.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { acceptPlan } from '../../support/store/world.ts';

describe('the set of revocations', () => {
  let folder: string;
  let connection: Awaited<ReturnType<typeof openPglite>>;
  let watch: SetWatch;
  const found: SetFinding[] = [];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-sets-'));
    connection = await openPglite(folder);
  });
  after(async () => {
    await connection.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await rows('delete from holdfast.revocations');
    await rows('delete from holdfast.sealed_sets');
    watch = new SetWatch();
    found.length = 0;
    watch.onFinding((finding) => found.push(finding));
  });
  const rows = async (text: string) =>
    (await sql<Record<string, unknown>>`${sql.raw(text)}`.execute(connection.db)).rows;
  const revoke = (token: string, store = sqlRevocations(connection.db, TEST_SEALS, watch)) => {
    const at = new Date();
    const event = { type: 'grant.revoked', at, actor: 'admin', approval: null, server: null, tool: null } as const;
    return store.revoke(
      { tokenSha256: token.repeat(64), grant: 'agent', at, actor: 'admin', reason: 'half a pair \ud83d' },
      { ...event, grant: 'agent', data: {} },
    );
  };
  const list = () => sqlRevocations(connection.db, TEST_SEALS, watch).list();

  test('P1: what gateways added fits, in any order and at two replicas', async () => {
    await list();
    await Promise.all(['a', 'b', 'c'].map((token) => revoke(token, sqlRevocations(connection.db, TEST_SEALS))));
    assert.equal(await revoke('a'), false, 'once');
    assert.equal((await list()).length, 3);
    assert.deepEqual(found, []);
    assert.deepEqual(
      watch.heads.map(({ version, count }) => [version, count]),
      [[4, 3]],
    );
  });

  for (const [what, text] of [
    ['deleted', `delete from holdfast.revocations where token_sha256 like 'a%'`],
    ['added', `insert into holdfast.revocations values (repeat('d', 64), 'other', now(), 'admin', null, null)`],
    ['changed', `update holdfast.revocations set at = at - interval '1 day' where token_sha256 like 'a%'`],
    [
      'with a seal of another row',
      `update holdfast.revocations set seal = (select seal from holdfast.revocations where token_sha256 like 'b%')`,
    ],
    ['all deleted', 'delete from holdfast.revocations'],
    ['without its head', 'delete from holdfast.sealed_sets'],
    ['with another head', 'update holdfast.sealed_sets set count = 1'],
  ] as const) {
    test(`P1: ${what}, it is found, and no later change of a gateway makes it good`, async () => {
      await list();
      await revoke('a');
      await revoke('b');
      await list();
      assert.equal(found.length, 0);
      await rows(text);
      await list();
      assert.equal(found[0]?.kind, 'broken', what);
      found.length = 0;
      if (what !== 'without its head') {
        await revoke('e');
        await list();
        assert.notEqual(found.length, 0, 'it stays found');
      }
    });
  }

  test('P1: rows and head of an earlier time are found by what this process and a witness know', async () => {
    await list();
    await revoke('a');
    await rows('create table if not exists before_sets as select * from holdfast.sealed_sets');
    await rows('create table if not exists before_rows as select * from holdfast.revocations');
    await revoke('b');
    await list();
    const known = watch.heads;
    await rows('delete from holdfast.revocations; ');
    await rows('insert into holdfast.revocations select * from before_rows');
    await rows('delete from holdfast.sealed_sets');
    await rows('insert into holdfast.sealed_sets select * from before_sets');
    await list();
    assert.equal(found[0]?.kind, 'older');
    watch = new SetWatch();
    watch.onFinding((finding) => found.push(finding));
    found.length = 0;
    watch.witnessed(known);
    await list();
    assert.equal(found[0]?.kind, 'older', 'a process that has just started, by its witness');
    await connection.db.transaction().execute((trx) => rebaseSets(trx, TEST_SEALS, acceptPlan({ sets: known })));
    watch.forget();
    found.length = 0;
    await list();
    watch.witnessed(known);
    await list();
    assert.deepEqual(found, [], 'accepted as it is');
    await rows('drop table before_sets');
    await rows('drop table before_rows');
  });

  test('rows from before there were seals are sealed once', async () => {
    await rows(`insert into holdfast.revocations values (repeat('d', 64), 'old', now(), 'admin', null, null)`);
    await Promise.all([list(), list()]);
    assert.deepEqual(found, []);
    assert.equal((await list()).length, 1);
  });
});
