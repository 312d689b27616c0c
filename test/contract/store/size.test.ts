import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { openPostgres, type PostgresConnection } from '../../../src/sql/connection/postgres.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import { quiet } from '../../support/log.ts';
import { liveThrough } from '../../support/store/finished-calls.ts';
import { clearUp, grownBy, type RelationOctets, relationOctets } from '../../support/store/octets.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';

const CALLS = 300;

/** Octets of one finished call (docs/operations.md says why not less): its rows, and their indexes. */
const MOST = { whole: 14_300, indexes: 5_500, words: 1_150, cards: 1_350, afterCut: 4_800 };

describe('What one gated call takes in Postgres when it is over', { skip: skipWithout('postgres') }, () => {
  let server: TestServer;
  let connection: PostgresConnection;
  let client: pg.Client;
  let grown: readonly RelationOctets[];

  before(async () => {
    server = await startPostgres(() => ['autovacuum=off', 'fsync=off']);
    connection = await openPostgres({ url: server.url, log: quiet });
    client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const empty = await relationOctets(client);
    const store = sqlStore(connection, TEST_SEALS);
    for (let nth = 0; nth < CALLS; nth += 1) {
      await liveThrough(store, nth);
      if (nth % 10 === 9) await store.seal(1_000);
    }
    // Their rows go after an hour.
    await client.query('delete from holdfast.openings');
    await clearUp(client, { whole: true });
    grown = grownBy(empty, await relationOctets(client), CALLS);
  });
  after(async () => {
    await client?.end();
    await connection?.close();
    await server?.stop();
  });

  const octets = (which: (one: RelationOctets) => boolean): number =>
    Math.round(grown.filter(which).reduce((all, one) => all + one.octets, 0));
  const told = (): string => grown.map((one) => `${one.octets.toFixed(0)} ${one.table} ${one.index ?? ''}`).join('\n');

  test('it is over, and everything of it is there', async () => {
    const found = await client.query<{ state: string; calls: string; events: string; votes: string; cards: string }>(`
      select min(state) || max(state) as state, count(*) as calls, (select count(*) from holdfast.events where seq is not null) as events,
        (select count(*) from holdfast.decisions) as votes, (select count(*) from holdfast.card_contents) as cards
      from holdfast.approvals where shown = revision`);
    assert.deepEqual(found.rows, [
      {
        state: 'succeededsucceeded',
        calls: `${CALLS}`,
        events: `${CALLS * 7}`,
        votes: `${CALLS}`,
        cards: `${CALLS * 2}`,
      },
    ]);
  });

  test('no more octets than operations.md says, indexes included', () => {
    const whole = octets(() => true);
    assert.ok(whole <= MOST.whole, `${whole} octets a call:\n${told()}`);
    const indexes = octets(({ index }) => index !== null);
    assert.ok(indexes <= MOST.indexes, `${indexes} octets of indexes a call:\n${told()}`);
  });

  test('the words by which it is found are few, and its cards are packed', () => {
    const words = octets(({ index }) => index === 'events_words');
    assert.ok(words > 0 && words <= MOST.words, `${words} octets of words a call`);
    const cards = octets(({ table }) => table === 'card_contents');
    assert.ok(cards > 0 && cards <= MOST.cards, `${cards} octets of cards a call`);
  });

  test('what is left once its events are archived', () => {
    const left = octets(({ table }) => table !== 'events' && table !== 'checkpoints');
    assert.ok(left <= MOST.afterCut, `${left} octets a call:\n${told()}`);
  });
});
