import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { approvalEvent, NO_SUBJECT } from '../../../src/domain/log/event.ts';
import type { SpentPass } from '../../../src/domain/log/witness-entry.ts';
import type { AcceptPlan, Seals } from '../../../src/ports.ts';
import { lastAcceptance } from '../../../src/sql/approval/acceptances.ts';
import { rowSeals } from '../../../src/vault/row-seals.ts';
import { TEST_SEALS, TEST_SECRET } from '../../support/store/seals.ts';
import {
  acceptPlan,
  opened,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

for (const kind of STORES) {
  describe(`an operator accepts the store on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world.close());

    const at = new Date();
    const passOf = (approval: string, revision: number, more: Partial<SpentPass> = {}): SpentPass => ({
      ...{ approval, round: 0, revision, at, until: new Date(at.getTime() + 3_600_000), server: 'tools' },
      ...{ tool: 'create_key', grant: 'agent', fingerprint: 'f'.repeat(64), returned: false, ...more },
    });
    const plan = (number: number, sent: readonly SpentPass[], broken: readonly string[] = []): AcceptPlan => ({
      ...acceptPlan({ number, at, sent, broken }),
      told: (approval, to) => approvalEvent(approval, { type: 'call.unknown', at, actor: 'admin', data: { to } }),
      accepted: ({ acceptance }) => ({
        ...NO_SUBJECT,
        ...{ type: 'store.accepted', at, actor: 'admin', data: { number: acceptance.number } },
      }),
    });

    test('P2: what was sent becomes unknown, what is lost is there again, what is broken ends; others stay', async () => {
      const fresh = async () => (await opened(world.one)).approval;
      const [sent, broken, other] = [await fresh(), await fresh(), await fresh()];
      await world.rows(`update holdfast.approvals set tool = 'other' where id = '${broken.id}'`);
      const lost = passOf('ap_lost', 7, { fingerprint: 'e'.repeat(64) });
      const done = await world.one.accept(plan(1, [passOf(sent.id, 3), lost], [broken.id]));
      assert.deepEqual([done.unknown, done.restored, done.ended], [[sent.id], ['ap_lost'], [broken.id]]);
      const states = async (id: string) => {
        const found = await world.other.find(id);
        return [found?.state, found?.broken];
      };
      assert.deepEqual(await states(sent.id), ['unknown', null]);
      assert.deepEqual(await states('ap_lost'), ['unknown', null]);
      assert.deepEqual(await states(broken.id), ['withdrawn', 'unsealed']);
      assert.deepEqual(await states(other.id), ['pending', null]);
      const standings = await world.one.standings([sent.id, 'ap_lost', 'ap_none']);
      assert.deepEqual(
        standings.map(({ id, revision }) => [id, revision > 3]).sort(),
        [
          ['ap_lost', true],
          [sent.id, true],
        ].sort(),
      );
      const again = await world.one.accept(plan(2, [passOf(sent.id, 3), lost]));
      assert.deepEqual([again.unknown, again.restored, again.ended], [[], [], []], 'nothing is left to do');
    });

    test('P2: what had ended ends again, whatever the store has; what is under way is unknown', async () => {
      const fresh = async () => (await opened(world.one)).approval;
      const [asked, taken, running, over] = [await fresh(), await fresh(), await fresh(), await fresh()];
      await through(world.one, taken, 'approved');
      await through(world.one, running, 'approved', 'dispatched');
      await through(world.one, over, 'denied');
      const ended = [asked, taken, running, over].map(({ id }) => passOf(id, 5, { ended: 'denied' }));
      const done = await world.one.accept(plan(4, [...ended, passOf('ap_none', 2, { ended: 'lapsed' })]));
      assert.deepEqual([done.unknown, done.restored], [[], []]);
      assert.deepEqual([...done.ended].sort(), [asked.id, taken.id, running.id].sort());
      const states = await Promise.all(
        [asked, taken, running, over].map(async ({ id }) => {
          const found = await world.other.find(id);
          return [found?.state, found?.broken];
        }),
      );
      assert.deepEqual(states, [
        ['withdrawn', null],
        ['lapsed', null],
        ['unknown', null],
        ['denied', null],
      ]);
    });

    test('P2: what was sent is unknown, however far people and callers have moved its row since', async () => {
      const fresh = async () => (await opened(world.one)).approval;
      const [denied, taken, over] = [await fresh(), await fresh(), await fresh()];
      await through(world.one, denied, 'denied');
      await through(world.one, taken, 'approved', 'lapsed');
      await through(world.one, over, 'approved', 'dispatched', 'succeeded');
      const done = await world.one.accept(
        plan(
          3,
          [denied, taken, over].map(({ id }) => passOf(id, 1)),
        ),
      );
      assert.deepEqual([done.unknown, done.restored, done.ended], [[denied.id, taken.id], [], []]);
      const states = await Promise.all(
        [denied, taken, over].map(async ({ id }) => (await world.other.find(id))?.state),
      );
      assert.deepEqual(states, ['unknown', 'unknown', 'succeeded']);
    });

    test('what ended before its time is found, and nothing else', async () => {
      const [early, pending, late] = await Promise.all([1, 2, 3].map(async () => (await opened(world.one)).approval));
      await through(world.one, early!, 'withdrawn');
      await through(world.one, late!, 'expired');
      const found = await world.other.endedEarly(new Date());
      assert.ok(found.includes(early!.id) && !found.includes(pending!.id));
      assert.deepEqual(await world.other.endedEarly(late!.expiresAt), []);
    });

    test('P2: a question of the same call as one that was lost ends: nobody who was asked knew of it', async () => {
      const [twin, other] = [(await opened(world.one)).approval, (await opened(world.one)).approval];
      const lost = passOf('ap_lost_first', 7, { fingerprint: twin.fingerprint });
      const done = await world.one.accept(plan(3, [lost]));
      assert.deepEqual([done.restored, done.ended], [['ap_lost_first'], [twin.id]]);
      const found = await world.other.find(twin.id);
      assert.deepEqual([found?.state, found?.broken], ['withdrawn', null]);
      assert.match(found!.note!, /this very call had been sent before/);
      assert.equal((await world.other.find(other.id))?.state, 'pending');
    });

    test('P7: the last acceptance is read by its number; rows that no gateway wrote do not count', async () => {
      const { number } = (await world.one.accept(plan(5, []))).acceptance;
      await world.rows(
        `insert into holdfast.acceptances select number + 4, log, at, head, last_event, seal from holdfast.acceptances where number = ${number}`,
      );
      await world.rows(
        `insert into holdfast.acceptances select number + 5, 'log_other', at, head, last_event, seal from holdfast.acceptances where number = ${number}`,
      );
      assert.equal((await world.other.lastAcceptance('log_one', 0))?.number, number);
      assert.equal(await world.other.lastAcceptance('log_other', 0), null);
    });

    test('P7: rows with the next numbers, or thousands with any, keep nobody from accepting nor from reading it', async () => {
      const next = ((await world.one.lastAcceptance('log_one', 0))?.number ?? 0) + 1;
      const bogus = (numbers: string) =>
        world.rows(`insert into holdfast.acceptances (number, log, at, head, last_event, seal)
          select n, 'log_one', now(), 0, 0, '1' || repeat('a', 40) from ${numbers} n`);
      await bogus(`generate_series(${next}, ${next + 200})`);
      await bogus('generate_series(9223372036854770000, 9223372036854775807)');
      const done = await world.one.accept(plan(next, []));
      assert.equal(done.acceptance.number, next);
      assert.equal((await world.other.lastAcceptance('log_one', 0))?.number, next);
      // Two operators at once, or a replica that does not know of the other's: the next number.
      assert.equal((await world.other.accept(plan(next, []))).acceptance.number, next + 1);
      assert.equal((await world.one.lastAcceptance('log_one', next))?.number, next + 1);
      await world.rows(`update holdfast.acceptances set head = 99 where number = ${next + 1}`);
      assert.equal((await world.one.lastAcceptance('log_one', 0))?.number, next, 'what was changed does not count');
      assert.equal((await world.one.accept(plan(next + 1, []))).acceptance.number, next + 2, 'its place is taken');
    });

    test('P7: an acceptance outlives the secret under which it was written', async () => {
      const secrets = ['a newer secret of tests, long enough for keys', TEST_SECRET] as const;
      const number = (await world.one.accept(plan(1, []))).acceptance.number;
      const read = (seals: Seals) => lastAcceptance(world.db, seals, 'log_one', number);
      assert.equal((await read(rowSeals([...secrets])))?.number, number);
      assert.equal((await read(rowSeals([secrets[0]])))?.number, number, 'the older secret is listed no longer');
      assert.equal((await read(TEST_SEALS))?.number, number, 'nor does it hide from who has only that one');
    });
  });
}
