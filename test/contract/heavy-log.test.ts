import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { openPostgres } from '../../src/sql/postgres.ts';
import { type Connection, sqlStore } from '../../src/sql/store.ts';
import { quiet } from '../support/door-world.ts';
import { skipWithout, startPostgres, type TestServer } from '../support/servers.ts';
import { eventOf, randomHex } from '../support/store-world.ts';

/** Milliseconds that a statement may take here; a gateway's may take 5 s, and meet more of the same. */
const PATIENCE_MS = 2_000;
/** Enough that chaining them all in one statement takes longer. */
const MANY = 60;

describe('a log of heavy events', { skip: skipWithout('postgres') }, () => {
  let server: TestServer;
  let connection: Connection;
  before(async () => {
    server = await startPostgres();
    connection = await openPostgres({ url: server.url, connections: 1, log: quiet });
    await sql.raw(`set statement_timeout = ${PATIENCE_MS}`).execute(connection.db);
  });
  after(async () => {
    await connection?.close();
    await server?.stop();
  });

  const places = async (): Promise<(number | null)[]> => {
    const found = await sql<{ seq: string | null }>`select seq from holdfast.events order by n`.execute(connection.db);
    return found.rows.map(({ seq }) => (seq === null ? null : Number(seq)));
  };

  test('P7: is chained in portions that a statement has time for, however much came at once', async () => {
    const store = sqlStore(connection);
    const text = (): string => Array.from({ length: 15_000 }, () => randomHex(3)).join(' ');
    for (let n = 0; n < MANY; n += 1) {
      await store.refund([], { ...eventOf('approval.requested'), data: { arguments: { text: text() } } });
    }
    await store.append([eventOf('call.denied')]);
    const before = (await places()).filter((place) => place !== null).length;
    assert.ok(before < MANY / 2, `one batch chains a few of them before itself, not ${before}`);
    while ((await store.seal(2_000)) > 0);
    assert.deepEqual(
      await places(),
      Array.from({ length: MANY + 1 }, (_, n) => n + 1),
    );
  });
});
