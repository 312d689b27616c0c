import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { FollowedTask, NewTask } from '../../../src/ports.ts';
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
  describe(`tasks on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    beforeEach(() => world.one.beat('here'));
    after(() => world?.close());

    const later = (ms: number): Date => new Date(Date.now() + ms);

    async function dispatched() {
      const request = newApproval();
      const joiner = newJoiner();
      const opened = await open(world.one, request, joiner);
      if (opened.kind !== 'opened') throw new Error(opened.kind);
      return { joiner, approval: await through(world.one, opened.approval, 'approved', 'dispatched') };
    }

    async function task() {
      const { approval, joiner } = await dispatched();
      const made: NewTask = {
        id: `hft_${randomHex(8)}`,
        approval: approval.id,
        joiner: joiner.id,
        grant: approval.grant,
        server: approval.server,
        era: 'legacy',
        createdAt: new Date(),
        expiresAt: later(60_000),
        request: new Uint8Array([1]),
      };
      await world.tasks[0].openTask(made);
      return { approval, task: made };
    }

    async function pursued(until: Date): Promise<FollowedTask> {
      const { approval } = await dispatched();
      const { id, grant, server } = approval;
      const kept = new Uint8Array([4, 2]);
      const startedAt = new Date();
      const pursuit = { approval: id, dispatcher: 'one', task: null, grant, server, kept, startedAt };
      await world.tasks[0].followTask(pursuit, 'here', until);
      return pursuit;
    }

    test('P2: a server’s task is left to its holder until its time is over, and then taken over by one', async () => {
      const [first, second] = world.tasks;
      const held = await pursued(later(60_000));
      const free = await pursued(later(-1));
      const claims = await Promise.all([
        first.claimFollowed('a', new Date(), later(60_000), 10),
        second.claimFollowed('b', new Date(), later(60_000), 10),
      ]);
      assert.deepEqual(
        claims.flat().map(({ approval }) => approval),
        [free.approval],
      );
      const found = await second.findFollowed(held.approval);
      assert.deepEqual({ ...found, kept: new Uint8Array(found!.kept) }, held);
      const winner = claims[0].length === 1 ? 'a' : 'b';
      assert.equal(await first.keepFollowed(free.approval, winner, later(60_000)), true);
      assert.equal(await first.keepFollowed(free.approval, winner === 'a' ? 'b' : 'a', later(60_000)), false);
      await first.endFollowed(free.approval);
      assert.equal(await first.keepFollowed(free.approval, winner, later(60_000)), false);
      assert.equal(await second.findFollowed(free.approval), null);
    });

    test('a question waits until its session has answered it, and no longer than its task runs', async () => {
      const [first, second] = world.tasks;
      const { task: own } = await task();
      const ask = (requestId: string) =>
        first.keepQuestion({ task: own.id, session: 's', requestId, kept: new Uint8Array([9]) });
      assert.equal(await ask('"one"'), true);
      assert.equal(await ask('2'), true);
      const found = await second.questions(own.id, 0);
      assert.equal(found.length, 2);
      assert.equal((await second.questions(own.id, found[0]!.n)).length, 1);
      const { grant, server } = own;
      for (const wrong of [{ session: 't' }, { session: null }, { grant: 'other' }, { server: 'other' }]) {
        await second.answered({ grant, server, session: 's', requestId: '2', ...wrong });
      }
      assert.equal((await first.questions(own.id, 0)).length, 2);
      await second.answered({ grant, server, session: 's', requestId: '2' });
      assert.deepEqual(
        (await first.questions(own.id, 0)).map(({ n }) => n),
        [found[0]!.n],
      );
      const at = new Date();
      await first.changeTask({
        id: own.id,
        from: ['held'],
        to: 'done',
        at,
        outcome: 'completed',
        kept: new Uint8Array(),
      });
      assert.deepEqual(await first.questions(own.id, 0), []);
      assert.equal(await ask('3'), false);
    });

    test('what still runs is not forgotten, however long it takes', async () => {
      const { approval, task: own } = await task();
      const late = later(3_600_000);
      await world.tasks[0].forgetTasks(late, late);
      assert.equal((await world.tasks[0].findTask(own.id, own.grant, own.server, late))?.id, own.id);
      await through(world.one, approval, 'succeeded');
      await world.tasks[0].forgetTasks(late, late);
      assert.equal(await world.tasks[0].findTask(own.id, own.grant, own.server, new Date()), null);
    });

    test('P2: an answer lets its approval go on once, and only while that awaits one', async () => {
      const [first, second] = world.tasks;
      const { approval, joiner } = await dispatched();
      const { id, grant, server, fingerprint } = approval;
      const digest = randomHex(8);
      await first.rememberContinuation({ digest, grant, server, fingerprint, approval: id, expiresAt: later(60_000) });
      const one = {
        digests: [digest],
        grant,
        server,
        fingerprints: [fingerprint],
        now: new Date(),
        until: later(30_000),
      };
      const take = (n: number) =>
        world.tasks[n % 2]!.takeContinuation({ ...one, joiner: newJoiner(), dispatcher: `d${n}` }, GIVEN, (about) => [
          eventOf('call.dispatched', { id: about }),
        ]);
      assert.equal(await take(0), null, 'it awaits nothing');
      const patch = { awaits: 'input', leaseUntil: later(60_000), questions: 1 } as const;
      const asks = await world.one.commit(change(approval, 'dispatched', { patch }));
      assert.equal(asks.kind === 'committed' && asks.approval.awaits, 'input');
      await world.one.away(joiner.id, 'here');
      const taken = (await Promise.all([take(1), take(2), take(3), take(4)])).filter((got) => got !== null);
      assert.equal(taken.length, 1);
      assert.equal(taken[0]!.joiner, joiner.id, 'in the place of the caller that was asked');
      assert.deepEqual([taken[0]!.approval.state, taken[0]!.approval.awaits], ['dispatched', null]);
      assert.equal(
        await second.takeContinuation({ ...one, joiner: newJoiner(), dispatcher: 'late' }, GIVEN, () => [
          eventOf('call.dispatched'),
        ]),
        null,
      );
      const types = (await world.one.events({ after: 0, limit: 100, approval: id })).map(({ type }) => type);
      // For the spent pass, the question, and the answer.
      assert.equal(types.filter((type) => type === 'call.dispatched').length, 3);
    });

    test('what a session’s client said of itself, and a reason that was given elsewhere, are known to every replica', async () => {
      const [first, second] = world.tasks;
      const session = `session-${randomHex(6)}`;
      await world.one.bindSession(session, 'a', 'mine');
      assert.deepEqual([await second.clientOf(session, 'a'), await second.answersForms(session, 'a')], [null, false]);
      await first.nameClient(session, 'a', 'inspector', true);
      await first.nameClient(session, 'a', null, true);
      assert.deepEqual(
        [await second.clientOf(session, 'a'), await second.answersForms(session, 'a')],
        ['inspector', true],
      );
      assert.equal(await second.answersForms(session, 'b'), false);
      const key = randomHex(16);
      assert.equal(await first.takeReason(key), null);
      await second.giveReason(key, new Uint8Array([1]));
      await second.giveReason(key, new Uint8Array([2]));
      assert.deepEqual([...((await first.takeReason(key)) ?? [])], [1]);
      assert.equal(await second.takeReason(key), null);
      await second.giveReason(key, new Uint8Array([3]));
      await world.rows(
        `update holdfast.given_reasons set at = at - interval '1 hour' where key = '${key}' returning key`,
      );
      await second.giveReason(randomHex(16), new Uint8Array([4]));
      assert.equal(await first.takeReason(key), null, 'what nobody took is forgotten');
    });

    test('P8: a collected answer is kept for a replay only as long as was said', async () => {
      const { approval, joiner } = await dispatched();
      await through(world.one, approval, 'succeeded');
      assert.equal(await world.tasks[0].collectedBy(joiner.id, later(-60_000)), null, 'not collected yet');
      await world.one.collected(joiner.id, eventOf('approval.collected', approval), later(60_000));
      assert.equal((await world.tasks[1].collectedBy(joiner.id, later(-60_000)))?.id, approval.id);
      assert.equal(await world.tasks[1].collectedBy(joiner.id, later(60_000)), null, 'too long ago');
      assert.notEqual(await world.one.result(approval.id), null);
      await world.one.forget(later(61_000), later(61_000));
      assert.equal(await world.one.result(approval.id), null);
    });
  });
}
