import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { Take } from '../../../src/domain/policy/limit.ts';
import type { SqlConnection } from '../../../src/sql/connection/connection.ts';
import { openPostgres } from '../../../src/sql/connection/postgres.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import { quiet } from '../../support/log.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { preparedUrl, skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { change, newApproval, newJoiner, open } from '../../support/store/world.ts';

const TAKE: Take = {
  server: 's',
  counter: 'c',
  scope: 'global',
  scopeValue: '*',
  window: { calendar: 'day' },
  max: '9',
  by: '1',
};

describe('Plans that Postgres keeps', { skip: skipWithout('postgres') }, () => {
  let server: TestServer;
  let connection: SqlConnection;
  before(async () => {
    server = await startPostgres();
    connection = await openPostgres({ url: preparedUrl(server), connections: 1, log: quiet });
  });
  after(async () => {
    await connection?.close();
    await server?.stop();
  });

  const kept = async (): Promise<number> => {
    const found = await sql<{ count: number }>`select count(*)::int as count from pg_prepared_statements`.execute(
      connection.db,
    );
    return found.rows[0]!.count;
  };

  test('a statement that every click runs is planned once a connection', async () => {
    const store = sqlStore(connection, TEST_SEALS);
    assert.equal(await store.find('ap_none'), null);
    assert.equal(await store.find('ap_other'), null);
    assert.equal(await kept(), 1);
    assert.equal(await store.look('ap_none'), null);
    assert.equal(await kept(), 2);
  });

  test('P6: where connections are shared between statements and a plan is not found again, the statement runs without one', async () => {
    const store = sqlStore(connection, TEST_SEALS);
    await store.find('ap_none');
    await sql`deallocate all`.execute(connection.db);
    assert.equal(await store.find('ap_none'), null);
    assert.equal(await store.look('ap_none'), null);
    assert.equal(await kept(), 0, 'no more are kept');
  });

  test('P3: inside a transaction, too, which begins again: no click is lost', async () => {
    const own = await openPostgres({ url: preparedUrl(server), connections: 1, log: quiet });
    const store = sqlStore(own, TEST_SEALS);
    const dispatched = async (): Promise<string> => {
      const joiner = newJoiner();
      const opened = await open(store, newApproval(), joiner);
      assert.ok(opened.kind === 'opened');
      const approved = { ...opened.approval, state: 'approved', revision: 2 } as const;
      const more = { joiner: joiner.id, takes: [TAKE], patch: { leaseUntil: new Date(Date.now() + 60_000) } };
      const both = await store.commitBoth(change(opened.approval, 'approved'), change(approved, 'dispatched', more));
      return both.kind;
    };
    assert.equal(await dispatched(), 'committed');
    await sql`deallocate all`.execute(own.db);
    assert.equal(await dispatched(), 'committed');
    await store.close();
  });
});
