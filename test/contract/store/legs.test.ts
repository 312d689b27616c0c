import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { AskedQuestion } from '../../../src/domain/approval/answer.ts';
import type { Approval } from '../../../src/domain/approval/approval.ts';
import type { Continuing, NewApproval } from '../../../src/ports.ts';
import { sqlBeliefs } from '../../../src/sql/sets/beliefs.ts';
import { closeRequests } from '../../../src/sql/task/asked-requests.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import {
  change,
  eventOf,
  GIVEN,
  newApproval,
  newJoiner,
  open,
  randomHex,
  STORES,
  type StoreKind,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

for (const kind of STORES) suite(kind);

function suite(kind: StoreKind): void {
  describe(`legs on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    beforeEach(() => world.one.beat('here'));
    after(() => world?.close());

    const later = (ms: number): Date => new Date(Date.now() + ms);

    /** A call that was sent. */
    async function running(): Promise<Approval> {
      const opened = await open(world.one, newApproval());
      if (opened.kind !== 'opened') throw new Error(opened.kind);
      return through(world.one, opened.approval, 'approved', 'dispatched');
    }
    /** One whose server has asked for the `n`th time. */
    async function asking(n = 1): Promise<Approval> {
      const patch = { awaits: 'input', leaseUntil: later(60_000), questions: n } as const;
      const committed = await world.one.commit(change(await running(), 'dispatched', { patch }));
      if (committed.kind !== 'committed') throw new Error(committed.kind);
      return committed.approval;
    }
    function legRequest(parent: Approval, asked: AskedQuestion = { n: 1, kind: 'result', text: 'q' }): NewApproval {
      const { grant, server } = parent;
      const leg = { until: later(900_000), now: new Date() };
      return { ...newApproval({ grant, server, answersTo: parent.id, asked }), leg };
    }
    async function approvedLeg(parent: Approval, asked?: AskedQuestion): Promise<Approval> {
      const opened = await open(world.one, legRequest(parent, asked));
      if (opened.kind !== 'opened') throw new Error(opened.kind);
      return through(world.one, opened.approval, 'approved');
    }
    function spending(leg: Approval, store = world.one, more: Partial<Continuing> = {}) {
      const by = randomHex(4);
      const continues: Continuing = {
        parent: leg.answersTo!,
        asked: leg.asked!,
        now: new Date(),
        given: { ...GIVEN, leg: leg.id },
        events: [eventOf('answer.given', { id: leg.answersTo! })],
        dispatch: { by, until: later(30_000), joiner: newJoiner() },
        ...more,
      };
      return store.commit(
        change(leg, 'dispatched', { continues, patch: { dispatcher: by, leaseUntil: later(30_000) } }),
      );
    }

    test('its call waits until it can have been decided, and so does its question', async () => {
      const parent = await asking();
      const { id, grant, server, fingerprint } = parent;
      const digest = randomHex(8);
      await world.tasks[0].rememberContinuation({
        digest,
        grant,
        server,
        fingerprint,
        approval: id,
        expiresAt: later(10),
      });
      const request = legRequest(parent);
      assert.equal((await open(world.one, request)).kind, 'opened');
      const waits = await world.one.find(id);
      assert.equal(waits?.leaseUntil?.getTime(), request.leg!.until.getTime());
      const one = { digests: [digest], grant, server, fingerprints: [fingerprint], now: later(20) };
      assert.equal((await world.tasks[1].findContinuation(one))?.id, id);
      assert.equal(await world.tasks[1].findContinuation({ ...one, grant: 'other' }), null);
    });

    test('none opens for a call that asks nothing, asks something else, or is over', async () => {
      assert.equal((await open(world.one, legRequest(await running()))).kind, 'unasked');
      assert.equal((await open(world.one, legRequest(await asking(2)))).kind, 'unasked');
      const over = await through(world.one, await asking(), 'unknown');
      assert.equal((await open(world.one, legRequest(over))).kind, 'unasked');
    });

    test('P2: of many legs, two replicas, one continues its call; the leg and the call change together', async () => {
      const parent = await asking();
      const legs = [await approvedLeg(parent), await approvedLeg(parent), await approvedLeg(parent)];
      const ends = await Promise.all(legs.map((leg, n) => spending(leg, n % 2 ? world.other : world.one)));
      assert.deepEqual(ends.map(({ kind }) => kind).sort(), ['committed', 'unasked', 'unasked']);
      const now = await world.one.find(parent.id);
      assert.deepEqual([now?.awaits, now?.answers.length], [null, 1]);
      const states = await Promise.all(legs.map(async ({ id }) => (await world.one.find(id))?.state));
      assert.deepEqual(states.sort(), ['approved', 'approved', 'dispatched']);
      const moot = (await world.one.overdue(new Date(), 500)).moot.map(({ id }) => id);
      assert.equal(legs.filter(({ id }) => moot.includes(id)).length, 2, 'the sweep ends the others');
    });

    test('P2: a leg that was overtaken changes nothing of its call', async () => {
      const parent = await asking();
      const leg = await approvedLeg(parent);
      assert.equal((await spending({ ...leg, revision: leg.revision - 1 })).kind, 'conflict');
      const now = await world.one.find(parent.id);
      assert.deepEqual([now?.awaits, now?.answers.length], ['input', 0]);
      assert.equal(
        (await world.one.events({ after: 0, limit: 500, approval: parent.id })).some(
          ({ type }) => type === 'answer.given',
        ),
        false,
      );
    });

    test('a question that came after it is not answered by it', async () => {
      const parent = await asking();
      const leg = await approvedLeg(parent);
      const next = await world.one.find(parent.id);
      await world.one.commit(change(next!, 'dispatched', { patch: { questions: 2 } }));
      assert.equal((await spending(leg)).kind, 'unasked');
    });

    test('only the latest answers are kept with the call', async () => {
      const parent = await asking();
      for (let n = 0; n < 25; n++) {
        const given = { ...GIVEN, text: `${n}` };
        await world.one.commit(change((await world.one.find(parent.id))!, 'dispatched', { given }));
      }
      const { answers } = (await world.one.find(parent.id))!;
      assert.deepEqual([answers.length, answers[0]?.text, answers.at(-1)?.text], [20, '5', '24']);
    });

    describe('requests that a server sends meanwhile', () => {
      const kept = new Uint8Array([1]);
      const place = ({ grant, server }: Approval, session: string | null = 's') => ({ grant, server, session });
      /** Where an agent answers. */
      const at = ({ grant, server }: Approval, session: string | null = 's') => ({ grant, servers: [server], session });
      const keep = (
        call: Approval,
        key: string,
        more: { digest?: string; session?: string | null; at?: Date; kept?: Uint8Array } = {},
      ) =>
        world.tasks[0].keepRequest({
          ...place(call, more.session === undefined ? 's' : more.session),
          key,
          approval: call.id,
          digest: more.digest ?? randomHex(4),
          kept: more.kept ?? kept,
          at: more.at ?? new Date(),
        });
      const answer = (n: number, call: Approval) =>
        world.tasks[1].answerRequest({ n, approval: call.id, now: new Date() }, GIVEN, [
          eventOf('answer.given', { id: call.id }),
        ]);

      test('are found by every replica, in their session or in none', async () => {
        const call = await running();
        assert.equal(await keep(call, '1'), true);
        const find = (session: string | null, key = '1', grant = call.grant) =>
          world.tasks[1].findRequest({ ...at(call, session), grant }, key);
        assert.equal((await find('s'))?.approval, call.id);
        assert.equal((await find(null))?.approval, call.id);
        assert.equal(await find('another'), null);
        assert.equal(await find('s', '2'), null);
        assert.equal(await find('s', '1', 'other'), null);
      });

      test('are answered once, by one of two replicas', async () => {
        const call = await running();
        await keep(call, '1');
        const { n } = (await world.tasks[0].findRequest(at(call), '1'))!;
        const ends = await Promise.all([answer(n, call), answer(n, call), answer(n, call)]);
        assert.equal(ends.filter((end) => end !== null).length, 1);
        assert.equal((await world.tasks[0].findRequest(at(call), '1'))?.answered, true);
        assert.equal((await open(world.one, legRequest(call, { n, kind: 'request', text: '' }))).kind, 'unasked');
        await world.tasks[0].reopenRequest(n);
        const leg = await approvedLeg(call, { n, kind: 'request', text: '' });
        assert.equal((await spending(leg, world.one, { dispatch: null })).kind, 'committed');
        assert.equal(await answer(n, call), null, 'the leg has answered it');
        assert.equal((await world.one.find(call.id))?.state, 'dispatched');
      });

      test('are at most 32 without an answer; one that is sent again counts once', async () => {
        const call = await running();
        for (let n = 0; n < 31; n++) assert.equal(await keep(call, `${n}`), true);
        for (let n = 0; n < 3; n++) assert.equal(await keep(call, 'same', { digest: 'same' }), true);
        assert.equal(await keep(call, 'one more'), false);
        assert.equal(await keep(await through(world.one, call, 'succeeded'), 'over'), false);
      });

      test('are at most 1 MiB together without an answer', async () => {
        const call = await running();
        const large = new Uint8Array(300_000);
        for (let n = 0; n < 3; n++) assert.equal(await keep(call, `${n}`, { kept: large }), true);
        assert.equal(await keep(call, 'too much', { kept: large }), false);
        assert.equal(await keep(call, 'small'), true);
      });

      test('of a call that is over: found only where its session shows that no other call is meant', async () => {
        const call = await running();
        await keep(call, '1');
        await keep(call, '2', { session: null });
        await through(world.one, call, 'succeeded');
        assert.equal((await world.tasks[0].findRequest(at(call), '1'))?.running, false);
        assert.equal(await world.tasks[0].findRequest(at(call, null), '2'), null);
      });

      test('a day after they were asked, those of calls that are over leave the set, and an answer comes too late', async () => {
        const [over, runs] = [await running(), await running()];
        const earlier = { at: new Date(Date.now() - 25 * 60 * 60_000) };
        for (const [call, key] of [
          [over, 'late'],
          [runs, 'late'],
          [over, 'fresh'],
        ] as const) {
          await keep(call, key, key === 'late' ? earlier : {});
        }
        await through(world.one, over, 'succeeded');
        const gated = async (call: Approval, key: string) => (await world.tasks[1].whoseAnswers(at(call), [key])).gated;
        assert.deepEqual([await gated(over, 'late'), await gated(over, 'fresh')], [true, true]);
        await world.tasks[0].forgetTasks(new Date(), new Date());
        assert.deepEqual([await gated(over, 'late'), await gated(over, 'fresh')], [false, true]);
        assert.equal((await world.tasks[1].findRequest(at(over), 'late'))?.answered, true);
        assert.equal((await world.tasks[1].findRequest(at(runs), 'late'))?.answered, false);
        const { n } = (await world.tasks[1].findRequest(at(runs), 'late'))!;
        assert.notEqual(await answer(n, runs), null, 'the set is whole after it');
      });

      test('what is closed at once is of calls that are over: those that go on for days do not stand before them', async () => {
        const [runs, over] = [await running(), await running()];
        const earlier = { at: new Date(Date.now() - 25 * 60 * 60_000) };
        for (const key of ['1', '2', '3']) await keep(runs, key, earlier);
        await keep(over, 'last', earlier);
        await through(world.one, over, 'succeeded');
        const beliefs = sqlBeliefs(world.db, TEST_SEALS, world.watches[0]);
        // Others that earlier tests have left, first.
        for (let round = 0; round < 20; round += 1) await closeRequests(world.db, TEST_SEALS, beliefs, new Date(), 1);
        assert.equal((await world.tasks[1].findRequest(at(over), 'last'))?.answered, true);
        assert.equal((await world.tasks[1].findRequest(at(runs), '1'))?.answered, false);
      });

      test('P1: how sent calls stand is read without what is long in them, and believed with its seals only', async () => {
        const [call, over, changed, other] = [await running(), await running(), await running(), await running()];
        await through(world.one, over, 'succeeded');
        await world.rows(`update holdfast.approvals set state = 'failed' where id = '${changed.id}'`);
        await world.rows(
          `update holdfast.approvals set requirement = jsonb_set(requirement::jsonb, '{answers}', '"allow"')::json where id = '${other.id}'`,
        );
        // Neither these nor votes are read.
        await world.rows(`update holdfast.approvals set arguments = '{"other":1}' where id = '${call.id}'`);
        const ids = [call, over, changed, other].map(({ id }) => id);
        const calls = await world.other.sentCalls([...ids, 'ap_none', ...ids.map((id) => `${id}_`)]);
        const found = ids.map((id) => calls.find((one) => one.id === id)!);
        assert.deepEqual(
          found.map(({ state, believed }) => [state, believed]),
          [
            ['dispatched', true],
            ['succeeded', true],
            ['failed', false],
            ['dispatched', false],
          ],
        );
        assert.equal(calls.length, 4);
      });

      test('P4: whose answers a process held that has died are told apart from those that are held, or may come again', async () => {
        const call = await running();
        await keep(call, '1');
        const { n } = (await world.tasks[0].findRequest(at(call), '1'))!;
        const leg = async (replica: string, kind: AskedQuestion['kind'] = 'request') => {
          const asked = { n, kind, text: randomHex(4) };
          const parent = kind === 'request' ? call : await asking(n);
          const opened = await open(world.one, legRequest(parent, asked), newJoiner({ replica }));
          if (opened.kind !== 'opened') throw new Error(opened.kind);
          return opened;
        };
        for (const replica of ['died', 'leaves']) await world.one.beat(replica);
        const [held, died, away, result] = [
          await leg('here'),
          await leg('died'),
          await leg('leaves'),
          await leg('died', 'result'),
        ];
        await world.one.allAway('leaves');
        const orphans = async () => {
          const ids = (await world.one.overdue(new Date(), 500)).orphaned.map(({ id }) => id);
          return [held, died, away, result].map(({ approval }) => ids.includes(approval.id));
        };
        assert.deepEqual(await orphans(), [false, false, false, false]);
        await world.rows(`update holdfast.replicas set seen_at = seen_at - interval '31 seconds' where id = 'died'`);
        assert.deepEqual(await orphans(), [false, true, false, false]);
      });

      test('outside gated calls are told apart by session and upstream, and answered once', async () => {
        const call = await running();
        const { grant, server } = call;
        const asked = { grant, server, session: 's', keys: ['1', '2'], at: new Date() };
        await world.tasks[0].notePlainRequests(asked);
        await world.tasks[0].notePlainRequests(asked);
        const plain = async (keys: string[], more: Partial<ReturnType<typeof at>> = {}) =>
          (await world.tasks[1].whoseAnswers({ ...at(call), ...more }, keys)).plain;
        assert.deepEqual([await plain(['1']), await plain(['1', '2']), await plain(['1', '3'])], [true, true, false]);
        assert.equal(await plain(['1'], { servers: ['alike', server] }), true);
        for (const more of [{ session: 'another' }, { session: null }, { grant: 'other' }, { servers: ['alike'] }]) {
          assert.equal(await plain(['1'], more), false, JSON.stringify(more));
        }
        await world.tasks[1].forgetPlainRequest(at(call), '1');
        assert.deepEqual([await plain(['1']), await plain(['2'])], [false, true]);
      });

      test('of another grant count only where no session tells answers apart', async () => {
        const call = await running();
        await keep(call, 'mine');
        await keep(call, 'bare', { session: null });
        const others = async (key: string, session: string | null, grant = 'other') =>
          (await world.tasks[1].whoseAnswers({ ...at(call, session), grant }, [key])).others;
        assert.deepEqual([await others('mine', 't'), await others('mine', null)], [false, true]);
        assert.deepEqual([await others('bare', 't'), await others('bare', null)], [true, true]);
        assert.deepEqual([await others('none', null), await others('bare', null, call.grant)], [false, false]);
        await through(world.one, call, 'succeeded');
        assert.equal(await others('bare', null), false);
      });

      test('on the server’s own stream belong to the call that runs in the session', async () => {
        const request = newApproval();
        const opened = await open(world.one, request, newJoiner({ session: 'mine' }));
        if (opened.kind !== 'opened') throw new Error(opened.kind);
        const { grant, server, id } = opened.approval;
        const runs = (session: string, servers = [server]) =>
          world.tasks[1].runningIn({ grant, servers, session }, false);
        assert.equal(await runs('mine'), null, 'it waits');
        const sent = await through(world.one, opened.approval, 'approved', 'dispatched');
        assert.deepEqual([await runs('mine'), await runs('another')], [id, null]);
        assert.deepEqual([await runs('mine', ['alike', server]), await runs('mine', ['alike'])], [id, null]);
        const strictly = { grant, servers: [server], session: 'mine' };
        assert.equal(await world.tasks[1].runningIn(strictly, true), null, 'its answers need no yes');
        await through(world.one, sent, 'succeeded');
        assert.equal(await runs('mine'), null);
      });
    });
  });
}
