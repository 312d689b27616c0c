import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { State } from '../../../src/domain/approval/approval.ts';
import type { Store } from '../../../src/ports.ts';
import {
  again,
  eventOf,
  newApproval,
  newJoiner,
  open,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
  typesOf,
} from '../../support/store/world.ts';

for (const kind of STORES) {
  describe(`the store on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let store: Store;
    before(async () => {
      world = await storeWorld(kind);
      store = world.one;
    });
    // A replica that has not reported for ten seconds counts as gone, and its callers with it.
    beforeEach(() => store.beat('here'));
    after(() => world?.close());

    describe('opening and joining', () => {
      test('what was opened is found as it was given', async () => {
        const { approval, request } = await opened(store);
        assert.deepEqual(await store.find(approval.id), approval);
        for (const [name, value] of Object.entries(request.approval)) {
          assert.deepEqual(approval[name as keyof typeof approval], value, name);
        }
        assert.equal(approval.state, 'pending');
        assert.equal(approval.revision, 1);
        assert.equal(approval.callers, 1);
        assert.deepEqual(new Uint8Array((await store.request(approval.id))!), request.request);
        assert.equal(await store.find('ap_none'), null);
        assert.deepEqual(await typesOf(store, approval.id), ['approval.requested']);
      });

      test('P2: openers of the same call at once, on two replicas, are one approval', async () => {
        for (let round = 0; round < 5; round += 1) {
          const first = newApproval();
          const results = await Promise.all(
            Array.from({ length: 10 }, (_, n) => open(n % 2 ? world.other : world.one, n === 0 ? first : again(first))),
          );
          assert.equal(results.filter((one) => one.kind === 'opened').length, 1);
          assert.equal(results.filter((one) => one.kind === 'joined').length, 9);
          const ids = new Set(results.map((one) => ('approval' in one ? one.approval.id : '')));
          assert.equal(ids.size, 1);
          assert.equal((await store.find([...ids][0]!))!.callers, 10);
        }
      });

      test('P4: a grant never has more pending approvals than it may, even under concurrency; joining is always allowed', async () => {
        const grant = `grant-${randomHex(4)}`;
        const asked = Array.from({ length: 12 }, () => newApproval({ grant }));
        const results = await Promise.all(
          asked.map((one, n) => open(n % 2 ? world.other : world.one, one, newJoiner(), { maxPending: 5 })),
        );
        assert.equal(results.filter((one) => one.kind === 'opened').length, 5);
        assert.deepEqual(
          results.filter((one) => one.kind === 'crowded').map((one) => one.pending),
          Array(7).fill(5),
        );
        const parked = asked[results.findIndex((one) => one.kind === 'opened')]!;
        assert.equal((await open(store, again(parked), newJoiner(), { maxPending: 5 })).kind, 'joined');
      });

      test('a call under an older secret is the same call', async () => {
        const { request } = await opened(store);
        const rotated = {
          ...newApproval({ grant: request.approval.grant }),
          olderFingerprints: [request.approval.fingerprint],
        };
        const result = await open(store, rotated);
        assert.equal(result.kind, 'joined');
        assert.equal('approval' in result && result.approval.id, request.approval.id);
      });

      test('an absent caller’s place is taken by the next, a present one’s is not', async () => {
        const { request, joiner, approval } = await opened(store);
        const second = await open(store, again(request));
        assert.equal('approval' in second && second.approval.callers, 2);
        await store.away(joiner.id, 'here');
        const third = await open(store, again(request));
        assert.equal('joiner' in third && third.joiner, joiner.id);
        assert.equal((await store.find(approval.id))!.callers, 2);
      });

      test('P4: callers of a replica that is silent, or that said goodbye, are absent', async () => {
        const { request, joiner } = await opened(store, newApproval(), newJoiner({ replica: 'never-heard-of' }));
        const next = await open(store, again(request), newJoiner({ replica: 'leaving' }));
        assert.equal('joiner' in next && next.joiner, joiner.id);
        await store.beat('leaving');
        const present = await open(store, again(request));
        assert.notEqual('joiner' in present && present.joiner, joiner.id);
        await store.allAway('leaving');
        const seated = await open(store, again(request));
        assert.equal('joiner' in seated && seated.joiner, joiner.id);
      });

      test('P4: what a replica says of a caller that has since moved to another one changes nothing', async () => {
        const { request, joiner, approval } = await opened(store, newApproval(), newJoiner({ replica: 'stalled' }));
        const next = await open(store, again(request));
        assert.equal('joiner' in next && next.joiner, joiner.id);
        await store.away(joiner.id, 'stalled');
        const left = (id: string) => eventOf('approval.caller_left', { id });
        assert.equal(await store.leave({ joiner: joiner.id, replica: 'stalled' }, left), null);
        const other = await open(store, again(request));
        assert.notEqual('joiner' in other && other.joiner, joiner.id, 'it is present');
        assert.equal((await store.leave({ joiner: joiner.id, replica: 'here' }, left))?.id, approval.id);
      });

      test('P4: callers at the very replica that asks are present, however old its last heartbeat is', async () => {
        const { request, joiner, approval } = await opened(store, newApproval(), newJoiner({ replica: 'late' }));
        const second = await open(store, again(request), newJoiner({ replica: 'late' }));
        assert.notEqual('joiner' in second && second.joiner, joiner.id);
        await through(store, 'approval' in second ? second.approval : approval, 'denied');
        assert.notEqual((await open(store, again(request), newJoiner({ replica: 'late' }))).kind, 'owed');
      });

      test('P2: two who come back at once do not get the same place', async () => {
        const { request, joiner } = await opened(store);
        const two = newJoiner();
        await open(store, again(request), two);
        await store.away(joiner.id, 'here');
        await store.away(two.id, 'here');
        const back = await Promise.all([open(world.one, again(request)), open(world.other, again(request))]);
        assert.deepEqual(back.map((one) => 'joiner' in one && one.joiner).sort(), [joiner.id, two.id].sort());
      });

      const OWED: [State[], 'owed' | 'opened'][] = [
        [['approved', 'dispatched', 'succeeded'], 'owed'],
        [['approved', 'dispatched', 'unknown'], 'owed'],
        [['denied'], 'owed'],
        [['expired'], 'owed'],
        [['withdrawn'], 'opened'],
        [['approved', 'lapsed'], 'opened'],
      ];
      for (const [states, kindOf] of OWED) {
        test(`P4: ${states.join(' → ')} while the caller was away: it is ${kindOf === 'owed' ? 'told once, and after that it is a new question' : 'a new question'}`, async () => {
          const { request, joiner, approval } = await opened(store);
          await store.away(joiner.id, 'here');
          const end = await through(store, approval, ...states);
          const result = await open(store, again(request));
          assert.equal(result.kind, kindOf);
          if (result.kind !== 'owed') return;
          assert.equal(result.approval.id, approval.id);
          assert.equal(result.approval.state, end.state);
          assert.equal(result.joiner, joiner.id);
          await store.collected(result.joiner, eventOf('approval.collected', approval));
          const anew = await open(store, again(request));
          assert.equal(anew.kind, 'opened');
          const unknown = end.state === 'unknown' ? approval.id : null;
          assert.equal(anew.kind === 'opened' && anew.approval.previousUnknown, unknown);
        });
      }

      test('P4: what a caller that is present is about to hear is not handed to another', async () => {
        const { request, approval } = await opened(store);
        await through(store, approval, 'denied');
        assert.notEqual((await open(store, again(request))).kind, 'owed');
      });

      test('P4: a kept result is dropped once the last caller has collected it, and when its time is over', async () => {
        const { request, joiner, approval } = await opened(store);
        const two = newJoiner();
        const joined = await open(store, again(request), two);
        await through(store, 'approval' in joined ? joined.approval : approval, 'approved', 'dispatched', 'succeeded');
        await store.collected(joiner.id, eventOf('approval.collected', approval));
        assert.deepEqual(new Uint8Array((await store.result(approval.id))!), new Uint8Array([7]));
        await store.collected(two.id, eventOf('approval.collected', approval));
        await store.collected(two.id, eventOf('approval.collected', approval));
        assert.equal(await store.result(approval.id), null);
        assert.equal((await typesOf(store, approval.id)).filter((type) => type === 'approval.collected').length, 2);

        const late = await opened(store);
        await store.away(late.joiner.id, 'here');
        await through(store, late.approval, 'approved', 'dispatched', 'succeeded');
        const over = new Date(Date.now() + 700_000);
        await store.forget(over, over);
        assert.equal(await store.result(late.approval.id), null);
        assert.equal((await open(store, again(late.request))).kind, 'opened', 'nothing is owed any more');
      });
    });

    describe('leaving', () => {
      test('P3: leaving is by server, session and request; the revision moves with it', async () => {
        const joiner = newJoiner({ session: 'mine', requestId: '"7"' });
        const { approval } = await opened(store, newApproval(), joiner);
        const says = (id: string) => eventOf('approval.caller_left', { id });
        for (const wrong of [
          { server: approval.server, session: 'yours', requestId: '"7"' },
          { server: approval.server, session: 'mine', requestId: '7' },
          { server: 'another', session: 'mine', requestId: '"7"' },
        ]) {
          assert.deepEqual(await store.cancel(wrong, false, says), { kind: 'none' });
        }
        const left = await store.cancel({ server: approval.server, session: 'mine', requestId: '"7"' }, false, says);
        assert.ok(left.kind === 'left');
        assert.equal(left.approval.callers, 0);
        assert.equal(left.approval.revision, approval.revision + 1);
        assert.equal(await store.leave({ joiner: joiner.id }, says), null, 'once');
        assert.deepEqual(await typesOf(store, approval.id), ['approval.requested', 'approval.caller_left']);
      });

      test('P4: whoever gives up keeps a seat that spends nothing, and the identical call takes it', async () => {
        const session = `session-${randomHex(4)}`;
        const joiner = newJoiner({ session, requestId: '1' });
        const { approval, request } = await opened(store, newApproval(), joiner);
        const { server } = approval;
        const gaveUp = await store.cancel({ server, session, requestId: '1' }, true, (id, _, parting) =>
          eventOf(parting === 'gave_up' ? 'approval.caller_gave_up' : 'approval.caller_left', { id }),
        );
        assert.ok(gaveUp.kind === 'gave_up');
        assert.deepEqual([gaveUp.approval.state, gaveUp.approval.callers, gaveUp.approval.gaveUp], ['pending', 1, 1]);
        const approved = await through(store, gaveUp.approval, 'approved');
        const { id, revision, pickupUntil } = approved;
        const spends = {
          from: 'approved',
          to: 'dispatched',
          joiner: joiner.id,
          patch: { pickupUntil },
          events: [],
        } as const;
        assert.equal((await store.commit({ ...spends, id, revision })).kind, 'left', 'nobody would get the answer');
        const joined = await open(store, again(request));
        assert.ok(joined.kind === 'joined');
        assert.equal(joined.joiner, joiner.id);
        assert.deepEqual([joined.approval.callers, joined.approval.gaveUp], [1, 0]);
        assert.equal(joined.approval.revision, revision + 1, 'its card no longer says so');
        const spent = await store.commit({ ...spends, id, revision: joined.approval.revision });
        assert.equal(spent.kind, 'committed');
      });

      for (const gaveUp of [false, true]) {
        const how = gaveUp ? 'gives up' : 'cancels';
        test(`P2: whoever ${how} once the call was sent is owed its outcome, whatever is written meanwhile`, async () => {
          const session = `session-${randomHex(4)}`;
          const joiner = newJoiner({ session, requestId: '1' });
          const { approval, request } = await opened(store, newApproval(), joiner);
          await through(store, approval, 'approved', 'dispatched');
          const { server, id } = approval;
          const says = () => eventOf('approval.caller_left', { id });
          assert.equal((await store.cancel({ server, session, requestId: '1' }, gaveUp, says)).kind, 'sent');
          await through(store, (await store.find(id))!, 'succeeded');
          await store.collected(joiner.id, eventOf('approval.collected', { id }));
          const owed = await open(store, again(request));
          assert.equal(owed.kind, 'owed');
        });
      }

      test('P4: of several calls with one id in a session, a cancellation ends none', async () => {
        const session = `session-${randomHex(4)}`;
        const two = [newJoiner({ session, requestId: '1' }), newJoiner({ session, requestId: '1' })];
        const one = await opened(store, newApproval(), two[0]!);
        const other = await opened(store, newApproval(), two[1]!);
        const ids = [one.approval.id, other.approval.id].sort();
        const says = (id: string) => eventOf('approval.caller_left', { id });
        const by = { server: one.approval.server, session, requestId: '1' };
        assert.deepEqual(await store.cancel(by, false, says), { kind: 'unclear', approvals: ids });
        for (const id of ids) assert.equal((await store.find(id))!.callers, 1);
        await store.leave({ joiner: two[1]!.id }, says);
        assert.equal((await store.cancel(by, false, says)).kind, 'left', 'one is left');
      });

      test('who gave up leaves after a grace, unless it came back or a person has decided', async () => {
        const session = `session-${randomHex(4)}`;
        const giveUp = async (requestId: string) => {
          const found = await opened(store, newApproval(), newJoiner({ session, requestId }));
          const { server } = found.approval;
          await store.cancel({ server, session, requestId }, true, (id) => eventOf('approval.caller_gave_up', { id }));
          return found;
        };
        const [gone, back, decided] = [await giveUp('1'), await giveUp('2'), await giveUp('3')];
        await open(store, again(back.request));
        await through(store, (await store.find(decided.approval.id))!, 'approved');
        const says = (id: string) => eventOf('approval.caller_left', { id });
        const forsaken = async (ms: number) => (await store.leaveForsaken(ms, 100, says)).map(({ id }) => id);
        const mine = new Set([gone, back, decided].map(({ approval }) => approval.id));
        assert.deepEqual(
          (await forsaken(60_000)).filter((id) => mine.has(id)),
          [],
        );
        assert.deepEqual(
          (await forsaken(0)).filter((id) => mine.has(id)),
          [gone.approval.id],
        );
        const callers = async ({ approval }: typeof gone) => (await store.find(approval.id))!.callers;
        assert.deepEqual([await callers(gone), await callers(back), await callers(decided)], [0, 1, 1]);
      });

      test('which of many ids still wait is one look, by server, session and id', async () => {
        const session = `session-${randomHex(4)}`;
        const waits = newJoiner({ session, requestId: '"waits"' });
        const left = newJoiner({ session, requestId: '2' });
        const { approval } = await opened(store, newApproval(), waits);
        await opened(store, newApproval(), left);
        await store.leave({ joiner: left.id }, (id) => eventOf('approval.caller_left', { id }));
        const requestIds = ['"waits"', 'waits', '2', ...Array.from({ length: 100 }, (_, i) => `"${i}"`)];
        const { server } = approval;
        assert.deepEqual(await store.waiting({ server, session, requestIds }), ['"waits"']);
        assert.deepEqual(await store.waiting({ server: 'another', session, requestIds }), []);
        assert.deepEqual(await store.waiting({ server, session: 'yours', requestIds }), []);
      });

      test('a session that ends leaves all of its calls on that server', async () => {
        const session = `session-${randomHex(4)}`;
        const mine = await Promise.all([
          opened(store, newApproval(), newJoiner({ session })),
          opened(store, newApproval(), newJoiner({ session })),
        ]);
        const elsewhere = await opened(store, newApproval({ server: 'another' }), newJoiner({ session }));
        const left = await store.leaveSession({ server: 'prometheus', session }, (id) =>
          eventOf('approval.caller_left', { id }),
        );
        assert.deepEqual(left.map((one) => one.id).sort(), mine.map((one) => one.approval.id).sort());
        assert.equal((await store.find(elsewhere.approval.id))!.callers, 1);
      });

      test('P4: leaving and joining at once never deadlock', async () => {
        const session = `session-${randomHex(4)}`;
        const all = await Promise.all(
          Array.from({ length: 6 }, () => opened(store, newApproval({ grant: session }), newJoiner({ session }))),
        );
        await Promise.all([
          ...all.map(({ request }) => open(world.other, again(request))),
          world.one.leaveSession({ server: 'prometheus', session }, (id) => eventOf('approval.caller_left', { id })),
          ...all.toReversed().map(({ request }) => open(world.one, again(request))),
        ]);
        for (const { approval } of all) assert.equal((await store.find(approval.id))!.callers, 2);
      });
    });
  });
}
