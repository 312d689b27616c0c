import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { SqlConnection } from '../../../src/sql/connection/connection.ts';
import { openPostgres } from '../../../src/sql/connection/postgres.ts';
import { sqlLedger } from '../../../src/sql/ledger.ts';
import { BYTES_PER_PAGE } from '../../../src/sql/log/portion.ts';
import { sqlRecords } from '../../../src/sql/records.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import { quiet } from '../../support/log.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { eventOf, newApproval, newJoiner, open, randomHex } from '../../support/store/world.ts';

/** Milliseconds that a statement may take; a gateway's may take 5 s, but it may also meet more events. */
const PATIENCE_MS = 2_000;
/** So many events that chaining them in one statement takes longer than that. */
const MANY = 60;
/** Milliseconds: several times what a search by index takes, and less than reading the words of all events. */
const SEARCH_MS = 400;
/** So many events that reading their words takes a statement longer than that. */
const LONG = 300;
/** Each event of a size that a call may have; together more than one page returns. */
const HUGE = { count: 12, octets: 3_500_000 } as const;

describe('a log of heavy events', { skip: skipWithout('postgres') }, () => {
  let server: TestServer;
  let connection: SqlConnection;
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
    const store = sqlStore(connection, TEST_SEALS);
    const text = (): string => Array.from({ length: 15_000 }, () => randomHex(3)).join(' ');
    for (let n = 0; n < MANY; n += 1) {
      await store.refund([], { ...eventOf('approval.requested'), data: { arguments: { text: text() } } });
    }
    await store.append([eventOf('call.denied')]);
    const before = (await places()).filter((place) => place !== null).length;
    assert.equal(before, 1, 'a batch chains itself, and nothing that others wrote');
    while ((await store.seal(2_000)).chained > 0);
    assert.deepEqual(await places(), [...Array.from({ length: MANY }, (_, n) => n + 2), 1]);
  });

  test('is searched by words in the time of a statement, however heavy its newest events are', async () => {
    const { db } = connection;
    const text = 'always the same '.repeat(7_000);
    for (let n = 0; n < LONG; n += 10) {
      const some = Array.from({ length: 10 }, () => ({ ...eventOf('call.denied'), data: { text } }));
      await sqlStore(connection, TEST_SEALS).append(some);
    }
    await sql.raw(`set statement_timeout = ${SEARCH_MS}`).execute(db);
    assert.deepEqual(await sqlRecords(db, TEST_SEALS).search({ text: 'nobody-says-this', limit: 50 }), {
      items: [],
      next: null,
    });
    await sql.raw(`set statement_timeout = ${PATIENCE_MS}`).execute(db);
  });

  test('comes in pages that a process has memory for, and none of it is left out', async () => {
    const { db } = connection;
    const [store, ledger, records] = [
      sqlStore(connection, TEST_SEALS),
      sqlLedger(db, TEST_SEALS),
      sqlRecords(db, TEST_SEALS),
    ];
    const before = (await ledger.ends()).head;
    const text = 'x'.repeat(HUGE.octets);
    for (let n = 0; n < HUGE.count; n += 1) {
      const request = newApproval();
      await open(store, { ...request, approval: { ...request.approval, arguments: { text } } }, newJoiner());
      await store.append([{ ...eventOf('call.denied'), data: { n, text } }]);
    }
    while ((await store.seal(2_000)).chained > 0);
    const { head } = await ledger.ends();
    const most = Math.ceil(BYTES_PER_PAGE / HUGE.octets);

    const walk = async <T>(first: number, page: (after: number) => Promise<readonly T[]>, key: (one: T) => number) => {
      const places: number[] = [];
      for (let after = first; ; after = places.at(-1)!) {
        const some = await page(after);
        if (some.length === 0) return places;
        places.push(...some.map(key));
        assert.ok(JSON.stringify(some).length < 2 * BYTES_PER_PAGE, `a page of ${some.length} is too heavy`);
      }
    };
    const all = Array.from({ length: head - before }, (_, n) => before + n + 1);
    const chained = await walk(
      before,
      (after) => ledger.chain(after, 500),
      (one) => one.seq!,
    );
    assert.deepEqual(chained, all);
    assert.deepEqual(
      await walk(
        before,
        (after) => records.since(after, 500),
        (one) => one.seq!,
      ),
      all,
    );
    const written = await walk(
      0,
      (after) => store.events({ after, limit: 500 }),
      (one) => one.n,
    );
    assert.equal(written.length, head);

    let found = await records.search({ types: ['call.denied'], limit: 20 });
    const seen = found.items.map(({ data }) => data.n);
    assert.ok(found.items.length <= most, `${found.items.length} of a search came at once`);
    while (found.next !== null && seen.length < HUGE.count) {
      found = await records.search({ types: ['call.denied'], limit: 20, before: Number(found.next) });
      seen.push(...found.items.map(({ data }) => data.n));
    }
    assert.deepEqual(
      seen.slice(0, HUGE.count),
      Array.from({ length: HUGE.count }, (_, n) => HUGE.count - 1 - n),
    );
    const look = await records.chain(500);
    assert.ok(look.checked <= HUGE.count + 2 * most && look.misfit === null, `${look.checked} links were read at once`);

    let list = await store.list({ limit: 50 });
    const ids = list.items.map(({ id }) => id);
    assert.ok(list.items.length < HUGE.count, 'not all of them at once');
    while (list.next !== null) {
      list = await store.list({ limit: 50, after: list.next });
      ids.push(...list.items.map(({ id }) => id));
    }
    assert.equal(new Set(ids).size, HUGE.count);
  });
});
