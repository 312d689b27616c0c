import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { Take } from '../../../src/domain/policy/limit.ts';
import type { PostgresConnection } from '../../../src/sql/connection/postgres.ts';
import { openPostgres } from '../../../src/sql/connection/postgres.ts';
import { sqlFreezes } from '../../../src/sql/freezes.ts';
import { sqlLedger } from '../../../src/sql/ledger.ts';
import { sqlRecords } from '../../../src/sql/records.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import { sqlTasks } from '../../../src/sql/tasks.ts';
import { quiet } from '../../support/log.ts';
import { lengthen, rowsRead } from '../../support/store/large-log.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { eventOf, newApproval, newJoiner, open, opened, through } from '../../support/store/world.ts';

const EVENTS = 60_000;
const APPROVALS = 20_000;
/** Phrases of one tool's allowed calls: one for each session. */
const SESSIONS = 20_000;
/** Rows that one verb may read of a table that grows; those that are asked for more say so. */
const FEW = 1_500;

const TAKE: Take = {
  ...{ server: 's', counter: 'c', scope: 'global', scopeValue: '*' },
  ...{ window: { calendar: 'day' }, max: '1000', by: '1' },
};

describe('What a long log costs', { skip: skipWithout('postgres') }, () => {
  let server: TestServer;
  let connection: PostgresConnection;
  before(async () => {
    server = await startPostgres(() => ['autovacuum=off', 'fsync=off']);
    // One connection, so that what it read is known when it answers.
    connection = await openPostgres({ url: server.url, connections: 1, log: quiet });
    const store = sqlStore(connection, TEST_SEALS);
    const { approval } = await opened(store);
    await through(store, approval, 'approved', 'dispatched', 'succeeded');
    await store.seal(100);
    await lengthen(server.url, { events: EVENTS, approvals: APPROVALS, of: approval.id });
  });
  after(async () => {
    await connection?.close();
    await server?.stop();
  });

  async function cost(what: () => Promise<unknown>): Promise<Record<string, number>> {
    const from = await rowsRead(connection.db);
    await what();
    const to = await rowsRead(connection.db);
    return Object.fromEntries(Object.entries(to).map(([name, rows]) => [name, rows - (from[name] ?? 0)]));
  }
  async function isCheap(what: string, verb: () => Promise<unknown>, most = FEW): Promise<void> {
    // The first time, Postgres reads its own catalogue and plans.
    await verb();
    const read = await cost(verb);
    const dear = Object.entries(read).filter(([, rows]) => rows > most);
    assert.deepEqual(dear, [], `${what} reads ${JSON.stringify(read)}`);
  }

  test('a reading of the whole log is seen by this test', async () => {
    const read = await cost(() =>
      sql`select count(*) from holdfast.events where body like '%never%'`.execute(connection.db),
    );
    assert.ok(read.events! >= EVENTS, JSON.stringify(read));
  });

  test('P7: nothing that runs by itself reads more the longer the log is', async () => {
    const store = sqlStore(connection, TEST_SEALS);
    const ledger = sqlLedger(connection.db, TEST_SEALS);
    const now = new Date();
    const head = (await ledger.ends()).head;
    await sql`insert into holdfast.checkpoints (seq, hash, at, body, signature)
      values (${String(head)}, '', now(), '{}', '')`.execute(connection.db);
    const freezes = sqlFreezes(connection.db, TEST_SEALS);
    const tasks = sqlTasks(connection, TEST_SEALS);
    const routines: Record<string, () => Promise<unknown>> = {
      'the checkpoint, with nothing new': () => ledger.unsigned(),
      'the checkpoint, with an old one': () => ledger.unsigned(new Date(now.getTime() - 60_000)),
      'the ends of the chain': () => ledger.ends(),
      'the gauges': () => ledger.backlog(),
      'the key events': () => ledger.keyEvents(head),
      'the sink': () => ledger.chain(head - 100, 100, { phrases: false }),
      'the cuts': () => ledger.cuts(),
      'what may be removed': () => store.removable('', new Date(now.getTime() - 400 * 86_400_000), 100),
      'the sealer': () => store.seal(500),
      'what is unsealed': () => ledger.unsealed(0, 100),
      'the sweep': () => store.overdue(now, 500),
      reminders: () => store.unreminded(now, 500),
      'what is forgotten': () => store.forget(now, now),
      'doubtful approvals': () => store.doubtful(100),
      'who left': () => store.leaveForsaken(10_000, 100, (id) => eventOf('approval.withdrawn', { id })),
      'the waiting room': () => store.changed(new Map([['ap_long5', 1]])),
      presence: () => store.beat('here'),
      'what is frozen': () => Promise.all([freezes.list(), freezes.held()]),
      'tasks of servers': () => tasks.claimFollowed('here', now, now, 100),
      'old tasks': () => tasks.forgetTasks(now, now),
      readiness: () => store.ping(),
    };
    for (const [what, verb] of Object.entries(routines)) await isCheap(what, verb);
    await store.append([eventOf('call.allowed')]);
    await isCheap('the checkpoint, with something new', () => ledger.unsigned());
  });

  test('P7: a call costs the same however long the log is', async () => {
    const store = sqlStore(connection, TEST_SEALS);
    await isCheap('an allowed call', () => store.append([eventOf('call.allowed')]));
    await isCheap('a limited call', () => store.admit([TAKE], eventOf('call.allowed')));
    await isCheap('a gated call, from the question to its end', async () => {
      const result = await open(store, newApproval(), newJoiner());
      assert.ok(result.kind === 'opened');
      await through(store, result.approval, 'approved', 'dispatched', 'succeeded');
    });
    await isCheap('what a grant took back', () => store.takenBack('grant-1'));
    await isCheap('a cancellation', () =>
      store.cancel({ server: 's', session: 'none', requestId: '7' }, false, (id) =>
        eventOf('approval.withdrawn', { id }),
      ),
    );
  });

  test('P7: a page of the console and of the API costs the same', async () => {
    const store = sqlStore(connection, TEST_SEALS);
    const records = sqlRecords(connection.db, TEST_SEALS);
    const recently = new Date(Date.now() - 2 * 3_600_000);
    await isCheap('a page of approvals', () => store.list({ limit: 50 }));
    await isCheap('those that wait', () => store.list({ states: ['pending'], limit: 50 }));
    await isCheap('a page of events', () => store.events({ after: EVENTS - 100, limit: 50 }));
    await isCheap('the events of one approval', () => store.events({ after: 0, limit: 50, approval: 'ap_long5' }));
    await isCheap('a search by tool', () => records.search({ tool: 'tool_3', server: 'tools', limit: 50 }));
    await isCheap('a search by grant', () => records.search({ grant: 'grant-3', limit: 50 }));
    await isCheap('a search for a grant that never called', () => records.search({ grant: 'nobody', limit: 50 }));
    await isCheap('a search for a tool that nobody called', () => records.search({ tool: 'none', limit: 50 }));
    await isCheap('a search for what waits', () => records.search({ state: 'pending', limit: 50 }));
    // The newest are looked through for its letters.
    await isCheap('a search for a word', () => records.search({ text: 'nowhere', limit: 50 }), 5_500);
    await isCheap('a search for a fingerprint', () => records.search({ text: 'ab12'.repeat(16), limit: 50 }), 5_500);
    await isCheap('a search by time', () => records.search({ from: recently, limit: 50 }));
    await isCheap('an approval’s story', () => records.story('ap_long5'));
    await isCheap('one event', () => records.event(500));
    await isCheap('the chain’s end', () => records.chain(100));
    await isCheap('last uses', () => records.lastUses(['grant-1', 'nobody']));
    // It says in its words how many it looks through.
    await isCheap('tools seen', () => records.toolsSeen(), 6_000);
    // An hour that holds 3,600 events.
    await isCheap('the overview of an hour', () => records.tally(recently, new Date(), 60_000), 12_000);
  });

  test('P7: a search for a word of plainly allowed calls reads no more the more of them are told apart', async () => {
    const records = sqlRecords(connection.db, TEST_SEALS);
    await sql`insert into holdfast.phrases (id, words)
      select g, to_tsvector('simple', 'call.allowed tools tool_told grant-1 session-' || g) from generate_series(1, ${sql.lit(SESSIONS)}) g`.execute(
      connection.db,
    );
    await sql`insert into holdfast.events (body, type, at, server, tool, grant_name, actor, seal, seq, hash, phrase)
      select '{"data":{"session":"session-' || g || '"},"tool":"tool_told","type":"call.allowed"}', 'call.allowed',
        clock_timestamp(), 'tools', 'tool_told', 'grant-1', 'grant:grant-1', '', m.top + g, encode(sha256(g::text::bytea), 'hex'), g
      from generate_series(1, 6000) g, (select max(seq) as top from holdfast.events) m`.execute(connection.db);
    const phrases = async () => {
      await sql`select pg_stat_force_next_flush()`.execute(connection.db);
      const found = await sql<{ rows: string }>`
        select t.seq_tup_read + sum(i.idx_tup_read) as rows from pg_stat_user_tables t join pg_stat_user_indexes i using (relid)
        where t.schemaname = 'holdfast' and t.relname = 'phrases' group by t.seq_tup_read`.execute(connection.db);
      return Number(found.rows[0]!.rows);
    };
    const from = await phrases();
    const page = await records.search({ text: 'tool_told', limit: 50 });
    assert.equal(page.items.length, 50);
    const read = (await phrases()) - from;
    assert.ok(read <= 5_500, `${read} of ${SESSIONS} phrases are read`);
  });
});

/** Calls of one grant and tool that wait. */
const PARKED = 5_000;
/** Calls that one digest has in this test. */
const TOGETHER = 20;

describe('What a flood that waits costs', { skip: skipWithout('postgres') }, () => {
  let server: TestServer;
  let connection: PostgresConnection;
  before(async () => {
    server = await startPostgres(() => ['autovacuum=off', 'fsync=off']);
    connection = await openPostgres({ url: server.url, connections: 1, log: quiet });
  });
  after(async () => {
    await connection?.close();
    await server?.stop();
  });

  test('P7: one more call and its card read the same however many of its grant and tool wait, with plans of an empty database', async () => {
    const store = sqlStore(connection, TEST_SEALS);
    const room = { maxPending: 100_000, openings: { max: 100_000, per: 'minute' } } as const;
    const { grant, server: of, tool } = newApproval().approval;
    let asked = 0;
    const ask = async () => {
      asked += 1;
      const request = newApproval({ id: `ap_c${String(asked).padStart(6, '0')}`, grant });
      const result = await open(store, request, newJoiner(), room);
      assert.ok(result.kind === 'opened', result.kind);
      return result.approval;
    };
    const first = await ask();
    const steps: Record<string, readonly [most: number, step: () => Promise<unknown>]> = {
      'one call': [60, ask],
      'thirty calls at once': [1_200, () => Promise.all(Array.from({ length: 30 }, ask))],
      'whether it was asked before': [20, () => store.askedBefore({ grant, server: of, tool }, new Date(0))],
      'how many were opened before it': [40, async () => store.openedBefore(await ask(), 3_600_000, 3)],
      'the digests that it may join': [400, async () => store.digestLeaders(await ask(), 'grant', 3_600_000)],
      'what is in a digest': [100, () => store.namedInDigest({ ...first, id: 'ap_b000021' }, 3_600_000)],
      'what its grant took back': [20, () => store.takenBack(grant)],
      'its card, taken and saved': [
        100,
        async () => {
          const { id } = await ask();
          const run = { id: `ru_${id}`, replica: 'here', ms: 20_000 };
          assert.notEqual(await store.claimCard(id, run), false);
          const card = { approval: id, channel: 'C1', ts: '1.5', revision: 1, digest: 'd', postedAt: new Date() };
          await store.saveCard(card, null, undefined, run.id);
          await store.look(id);
        },
      ],
    };
    // As often as it takes until the plans are kept.
    for (let round = 0; round < 8; round += 1) for (const [, step] of Object.values(steps)) await step();
    await sql`
      insert into holdfast.approvals
      select (jsonb_populate_record(a, jsonb_build_object('id', 'ap_b' || lpad(g::text, 6, '0'), 'fingerprint', md5(g::text)))).*
      from holdfast.approvals a, generate_series(1, ${PARKED}::int) g where a.id = ${first.id}`.execute(connection.db);
    await sql`
      insert into holdfast.openings (id, grant_name, kind)
      select 'ap_b' || lpad(g::text, 6, '0'), ${grant}::text, 'approval' from generate_series(1, ${PARKED}::int) g`.execute(
      connection.db,
    );
    await sql`
      insert into holdfast.cards (approval_id, channel, ts, revision, digest)
      select 'ap_b' || lpad(g::text, 6, '0'), 'C1', '1.' || g, 1,
        'digest:ap_b' || lpad((g - (g - 1) % ${TOGETHER}::int)::text, 6, '0') || ':grant:'
      from generate_series(1, ${PARKED}::int) g`.execute(connection.db);
    for (const [what, [most, step]] of Object.entries(steps)) {
      // What other replicas opened is counted once.
      await step();
      const from = await rowsRead(connection.db);
      await step();
      const to = await rowsRead(connection.db);
      const read = Object.entries(to).map(([name, rows]) => [name, rows - (from[name] ?? 0)] as const);
      assert.deepEqual(
        read.filter(([, rows]) => rows > most),
        [],
        `${what} reads ${JSON.stringify(read)}`,
      );
    }
    assert.equal((await store.namedInDigest({ ...first, id: 'ap_b000021' }, 3_600_000)).length, TOGETHER);
  });
});
