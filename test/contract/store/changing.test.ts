import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Approval, NEXT, STATES, type State } from '../../../src/domain/approval.ts';
import type { Take } from '../../../src/domain/limit.ts';
import { type Change, type Committed, type NewJoiner, type Store, Unavailable } from '../../../src/ports.ts';
import {
  again,
  change,
  eventOf,
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
  describe(`the store on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let store: Store;
    before(async () => {
      world = await storeWorld(kind);
      store = world.one;
    });
    // A replica that says nothing for ten seconds holds nobody any more.
    beforeEach(() => store.beat('here'));
    after(() => world?.close());

    async function opened(request = newApproval(), joiner = newJoiner()) {
      const result = await open(store, request, joiner);
      assert.equal(result.kind, 'opened');
      return { request, joiner, approval: (result as Extract<typeof result, { kind: 'opened' }>).approval };
    }
    /** A decision that approves, and the spending of its pass for this caller. */
    function bothOf(approval: Approval, joiner: NewJoiner, more: Partial<Change> = {}): [Change, Change] {
      const fixed = { choice: 'approve', reason: null, via: 'slack', self: false, userGroup: null } as const;
      const decision = { ...fixed, approver: 'U0MIRA', at: new Date() };
      const approved = { ...approval, state: 'approved', revision: approval.revision + 1 } as const;
      const patch = { leaseUntil: new Date(Date.now() + 600_000) };
      return [
        change(approval, 'approved', { decision }),
        change(approved, 'dispatched', { joiner: joiner.id, patch, ...more }),
      ];
    }
    const typesOf = async (approval: string) =>
      (await store.events({ after: 0, limit: 100, approval })).map((event) => event.type);

    describe('opening and joining', () => {
      test('what was opened is found as it was given', async () => {
        const { approval, request } = await opened();
        assert.deepEqual(await store.find(approval.id), approval);
        for (const [name, value] of Object.entries(request.approval)) {
          assert.deepEqual(approval[name as keyof typeof approval], value, name);
        }
        assert.equal(approval.state, 'pending');
        assert.equal(approval.revision, 1);
        assert.equal(approval.callers, 1);
        assert.deepEqual(new Uint8Array((await store.request(approval.id))!), request.request);
        assert.equal(await store.find('ap_none'), null);
        assert.deepEqual(await typesOf(approval.id), ['approval.requested']);
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

      test('P4: no more than so many pending ones of a grant, exactly, under concurrency; joining is always allowed', async () => {
        const grant = `grant-${randomHex(4)}`;
        const asked = Array.from({ length: 12 }, () => newApproval({ grant }));
        const results = await Promise.all(
          asked.map((one, n) => open(n % 2 ? world.other : world.one, one, newJoiner(), 5)),
        );
        assert.equal(results.filter((one) => one.kind === 'opened').length, 5);
        assert.deepEqual(
          results.filter((one) => one.kind === 'crowded').map((one) => one.pending),
          Array(7).fill(5),
        );
        const parked = asked[results.findIndex((one) => one.kind === 'opened')]!;
        assert.equal((await open(store, again(parked), newJoiner(), 5)).kind, 'joined');
      });

      test('a call under an older secret is the same call', async () => {
        const { request } = await opened();
        const rotated = {
          ...newApproval({ grant: request.approval.grant }),
          olderFingerprints: [request.approval.fingerprint],
        };
        const result = await open(store, rotated);
        assert.equal(result.kind, 'joined');
        assert.equal('approval' in result && result.approval.id, request.approval.id);
      });

      test('an absent caller’s place is taken by the next, a present one’s is not', async () => {
        const { request, joiner, approval } = await opened();
        const second = await open(store, again(request));
        assert.equal('approval' in second && second.approval.callers, 2);
        await store.away(joiner.id, 'here');
        const third = await open(store, again(request));
        assert.equal('joiner' in third && third.joiner, joiner.id);
        assert.equal((await store.find(approval.id))!.callers, 2);
      });

      test('P4: callers of a replica that is silent, or that said goodbye, are absent', async () => {
        const { request, joiner } = await opened(newApproval(), newJoiner({ replica: 'never-heard-of' }));
        const next = await open(store, again(request), newJoiner({ replica: 'leaving' }));
        assert.equal('joiner' in next && next.joiner, joiner.id);
        await store.beat('leaving');
        const present = await open(store, again(request));
        assert.notEqual('joiner' in present && present.joiner, joiner.id);
        await store.allAway('leaving');
        const seated = await open(store, again(request));
        assert.equal('joiner' in seated && seated.joiner, joiner.id);
      });

      test('P4: what a replica says of a caller that sits elsewhere by now does not touch it', async () => {
        const { request, joiner, approval } = await opened(newApproval(), newJoiner({ replica: 'stalled' }));
        const next = await open(store, again(request));
        assert.equal('joiner' in next && next.joiner, joiner.id);
        await store.away(joiner.id, 'stalled');
        const left = (id: string) => eventOf('approval.caller_left', { id });
        assert.equal(await store.leave({ joiner: joiner.id, replica: 'stalled' }, left), null);
        const other = await open(store, again(request));
        assert.notEqual('joiner' in other && other.joiner, joiner.id, 'it is present');
        assert.equal((await store.leave({ joiner: joiner.id, replica: 'here' }, left))?.id, approval.id);
      });

      test('P4: callers at the very replica that asks are present, however late its last word was', async () => {
        const { request, joiner, approval } = await opened(newApproval(), newJoiner({ replica: 'late' }));
        const second = await open(store, again(request), newJoiner({ replica: 'late' }));
        assert.notEqual('joiner' in second && second.joiner, joiner.id);
        await through(store, 'approval' in second ? second.approval : approval, 'denied');
        assert.notEqual((await open(store, again(request), newJoiner({ replica: 'late' }))).kind, 'owed');
      });

      test('P2: two who come back at once do not get the same place', async () => {
        const { request, joiner } = await opened();
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
          const { request, joiner, approval } = await opened();
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
        const { request, approval } = await opened();
        await through(store, approval, 'denied');
        assert.notEqual((await open(store, again(request))).kind, 'owed');
      });

      test('P4: a kept result goes with the last who collects it, and with its time', async () => {
        const { request, joiner, approval } = await opened();
        const two = newJoiner();
        const joined = await open(store, again(request), two);
        await through(store, 'approval' in joined ? joined.approval : approval, 'approved', 'dispatched', 'succeeded');
        await store.collected(joiner.id, eventOf('approval.collected', approval));
        assert.deepEqual(new Uint8Array((await store.result(approval.id))!), new Uint8Array([7]));
        await store.collected(two.id, eventOf('approval.collected', approval));
        await store.collected(two.id, eventOf('approval.collected', approval));
        assert.equal(await store.result(approval.id), null);
        assert.equal((await typesOf(approval.id)).filter((type) => type === 'approval.collected').length, 2);

        const late = await opened();
        await store.away(late.joiner.id, 'here');
        await through(store, late.approval, 'approved', 'dispatched', 'succeeded');
        await store.forget(new Date(Date.now() + 700_000));
        assert.equal(await store.result(late.approval.id), null);
        assert.equal((await open(store, again(late.request))).kind, 'opened', 'nothing is owed any more');
      });
    });

    describe('changing', () => {
      test('only the transitions of the table are taken', async () => {
        for (const from of STATES) {
          for (const to of STATES) {
            const allowed = from === to || (NEXT[from] as readonly State[]).includes(to);
            const { approval } = await opened();
            const fake = { ...approval, state: from };
            const committing = store.commit({ ...change(fake, to), events: [] });
            if (!allowed) await assert.rejects(committing, Unavailable, `${from} → ${to}`);
            else
              assert.equal((await committing).kind, from === 'pending' ? 'committed' : 'conflict', `${from} → ${to}`);
          }
        }
      });

      test('P3: of two commits at once, on two replicas, one is taken and the other told to look again', async () => {
        for (let round = 0; round < 10; round += 1) {
          const { approval } = await opened();
          const [a, b] = await Promise.all([
            world.one.commit(change(approval, 'approved')),
            world.other.commit(change(approval, 'denied')),
          ]);
          assert.deepEqual([a.kind, b.kind].sort(), ['committed', 'conflict']);
          assert.equal((await store.find(approval.id))!.state, a.kind === 'committed' ? 'approved' : 'denied');
          assert.equal((await typesOf(approval.id)).filter((type) => type === 'approval.decided').length, 1);
        }
      });

      test('P2: a pass is spent by one of twenty who try at once', async () => {
        const { approval } = await opened();
        const approved = await through(store, approval, 'approved');
        const spent = await Promise.all(
          Array.from({ length: 20 }, (_, n) =>
            (n % 2 ? world.one : world.other).commit(change(approved, 'dispatched')),
          ),
        );
        assert.equal(spent.filter((one) => one.kind === 'committed').length, 1);
        assert.equal((await typesOf(approval.id)).filter((type) => type === 'call.dispatched').length, 1);
      });

      test('P3: one person votes once, whatever the revision says', async () => {
        const { approval } = await opened();
        const decision = {
          approver: 'U0MIRA',
          choice: 'approve',
          reason: 'ok',
          via: 'slack',
          self: false,
          userGroup: 'S1',
          at: new Date(),
        } as const;
        const first = await store.commit(change(approval, 'pending', { decision }));
        assert.ok(first.kind === 'committed');
        assert.deepEqual(first.approval.decisions, [decision]);
        assert.deepEqual((await store.find(approval.id))!.decisions, [decision]);
        const second = await store.commit(change(first.approval, 'approved', { decision }));
        assert.equal(second.kind, 'conflict');
        assert.equal((await store.find(approval.id))!.state, 'pending');
        const other = await store.commit(
          change(first.approval, 'approved', { decision: { ...decision, approver: 'U0ALEX' } }),
        );
        assert.equal(other.kind === 'committed' && other.approval.decisions.length, 2);
      });

      test('P5: a full counter takes nothing back with it: state, event and other counters stay', async () => {
        const { approval } = await opened();
        const approved = await through(store, approval, 'approved');
        const [wide, narrow] = [take({ max: '10' }), take({ max: '1' })];
        assert.equal((await store.admit([narrow], eventOf('call.allowed'))).kind, 'admitted');
        const spent = await store.commit(change(approved, 'dispatched', { takes: [wide, narrow] }));
        assert.equal(spent.kind, 'full');
        assert.deepEqual(spent.kind === 'full' && spent.full.take, narrow);
        assert.deepEqual(await store.find(approval.id), approved);
        assert.equal((await typesOf(approval.id)).includes('call.dispatched'), false);
        assert.equal(
          (await world.rows(`select 1 from holdfast.counters where key like '%${wide.counter}%'`)).length,
          0,
        );
      });

      test('P5: what a dispatch took comes back when nothing was sent', async () => {
        const { approval } = await opened();
        const approved = await through(store, approval, 'approved');
        const only = take({ max: '1' });
        const spent = await store.commit(change(approved, 'dispatched', { takes: [only] }));
        assert.ok(spent.kind === 'committed');
        assert.notEqual(await store.peek([only]), null);
        const back = await store.commit(change(spent.approval, 'approved', { gives: spent.taken }));
        assert.equal(back.kind, 'committed');
        assert.equal(await store.peek([only]), null);
      });

      test('P2: nobody dispatches for a caller who has left, however the two cross', async () => {
        for (let round = 0; round < 8; round += 1) {
          const { approval, joiner } = await opened();
          const approved = await through(store, approval, 'approved');
          const [spent, left] = await Promise.all([
            world.one.commit(change(approved, 'dispatched', { joiner: joiner.id })),
            world.other.leave({ joiner: joiner.id }, (id) => eventOf('approval.caller_left', { id })),
          ]);
          assert.equal(left!.callers, 0);
          const now = (await store.find(approval.id))!;
          assert.equal(now.state, spent.kind === 'committed' ? 'dispatched' : 'approved');
          if (spent.kind === 'committed') assert.equal(left!.state, 'dispatched', 'who left was told that it runs');
        }
      });

      test('P7: a decision and what follows it are one commit, and read as two', async () => {
        const { approval, joiner } = await opened();
        const only = take({ max: '1' });
        const until = new Date(Date.now() + 600_000);
        const [given, spent] = bothOf(approval, joiner, {
          takes: [only],
          patch: { leaseUntil: until, dispatcher: 'me' },
        });
        const both = await store.commitBoth({ ...given, patch: { pickupUntil: until } }, spent);
        assert.ok(both.kind === 'committed');
        assert.deepEqual([both.approval.state, both.approval.revision], ['dispatched', approval.revision + 2]);
        assert.deepEqual(both.approval.decisions, [given.decision]);
        assert.deepEqual([both.approval.pickupUntil, both.approval.leaseUntil], [until, until]);
        assert.deepEqual(await store.find(approval.id), both.approval);
        assert.deepEqual(
          both.taken.map((one) => one.take),
          [only],
        );
        assert.notEqual(await store.peek([only]), null);
        assert.deepEqual(await typesOf(approval.id), ['approval.requested', 'approval.decided', 'call.dispatched']);
        const ended = change(both.approval, 'succeeded', { dispatcher: 'me' });
        assert.equal((await store.commit(ended)).kind, 'committed');
      });

      test('P5: of a decision and what follows it a full counter, or a caller who has left, takes neither', async () => {
        const { approval, joiner } = await opened();
        const none = take({ max: '0' });
        const full = await store.commitBoth(...bothOf(approval, joiner, { takes: [none] }));
        assert.deepEqual(full.kind === 'full' && full.full.take, none);
        const left = await store.commitBoth(...bothOf(approval, newJoiner()));
        assert.equal(left.kind, 'left');
        assert.deepEqual(await store.find(approval.id), approval);
        assert.deepEqual(await typesOf(approval.id), ['approval.requested']);
      });

      test('P3: a decision with what follows it, and any other commit at once, on two replicas: one is taken', async () => {
        for (const other of ['denied', 'expired', 'withdrawn', 'approved', 'both', 'leave'] as const) {
          for (let round = 0; round < 4; round += 1) {
            const { approval, joiner } = await opened();
            const second = () => {
              if (other === 'leave') {
                return world.other.leave({ joiner: joiner.id }, (id) => eventOf('approval.caller_left', { id }));
              }
              if (other === 'both') return world.other.commitBoth(...bothOf(approval, joiner));
              return world.other.commit(change(approval, other));
            };
            const both = () => world.one.commitBoth(...bothOf(approval, joiner));
            const [a, b] = await Promise.all(round % 2 ? [both(), second()] : [second(), both()].reverse());
            const taken = (a as Committed).kind === 'committed';
            const now = (await store.find(approval.id))!;
            const dispatched = (await typesOf(approval.id)).filter((type) => type === 'call.dispatched').length;
            if (other === 'leave') {
              assert.equal(now.state, taken ? 'dispatched' : 'pending');
              assert.equal((b as Approval).state, now.state, 'who left was told whether it runs');
            } else {
              assert.notEqual(taken, (b as Committed).kind === 'committed', other);
              assert.equal(now.state, taken || other === 'both' ? 'dispatched' : other);
            }
            assert.equal(dispatched, now.state === 'dispatched' ? 1 : 0);
          }
        }
      });

      test('P1: nothing is committed for a token that was revoked, and P10: none that names a card as it is not', async () => {
        const { approval, joiner } = await opened();
        const token = randomHex(32);
        const card = { approval: approval.id, channel: 'C1', ts: '1.5', revision: 1, digest: 'd', postedAt: null };
        await store.saveCard(card, null);
        for (const other of [{ channel: 'C2' }, { ts: '1.6' }, { ts: null }, { revision: 2 }, { digest: 'e' }]) {
          const [given, spent] = bothOf(approval, joiner, { token });
          const both = await store.commitBoth({ ...given, card: { ...card, ...other } }, spent);
          assert.equal(both.kind, 'conflict', JSON.stringify(other));
        }
        const [given, spent] = bothOf(approval, joiner, { token });
        await world.rows(`insert into holdfast.revocations (token_sha256, grant_name, at, actor)
          values ('${token}', 'g', now(), 'admin')`);
        assert.equal((await store.commitBoth({ ...given, card }, spent)).kind, 'conflict');
        assert.deepEqual(await store.find(approval.id), approval);
        await world.rows(`delete from holdfast.revocations where token_sha256 = '${token}'`);
        assert.equal((await store.commitBoth({ ...given, card }, spent)).kind, 'committed');
      });

      test('only what follows a decision is committed with it', async () => {
        const { approval, joiner } = await opened();
        const [given, spent] = bothOf(approval, joiner);
        for (const wrong of [
          { ...spent, id: 'ap_other' },
          { ...spent, revision: approval.revision },
          { ...spent, from: 'pending', to: 'denied' },
          { ...spent, to: 'succeeded' },
          { ...spent, decision: given.decision! },
        ] as const) {
          await assert.rejects(store.commitBoth(given, wrong), Unavailable);
        }
        await assert.rejects(store.commitBoth({ ...given, takes: [take({ max: '1' })] }, spent), Unavailable);
        assert.deepEqual(await store.find(approval.id), approval);
      });

      test('what a click rests on is found as the approval and its card are', async () => {
        const { approval } = await opened();
        assert.deepEqual(await store.look(approval.id), { approval, card: null });
        const card = { approval: approval.id, channel: 'C1', ts: null, revision: 1, digest: 'd', postedAt: null };
        await store.saveCard(card, null);
        assert.deepEqual(await store.look(approval.id), { approval, card });
        const posted = { ...card, ts: '1.5', postedAt: new Date() };
        await store.saveCard(posted, null);
        assert.deepEqual(await store.look(approval.id), { approval, card: await store.card(approval.id) });
        assert.equal(await store.look('ap_none'), null);
      });

      test('P4: statements whose plan is kept go on while a newer version adds a column', async () => {
        const { approval } = await opened();
        const look = async () => (await store.look(approval.id))!.approval;
        assert.deepEqual([await look(), await store.find(approval.id)], [approval, approval]);
        await world.rows('alter table holdfast.approvals add column newer text');
        try {
          assert.deepEqual([await look(), await store.find(approval.id)], [approval, approval]);
          await through(store, approval, 'approved', 'dispatched', 'succeeded');
        } finally {
          await world.rows('alter table holdfast.approvals drop column newer');
        }
      });

      test('the request’s bytes go when they can be needed no more', async () => {
        const { approval } = await opened();
        const approved = await through(store, approval, 'approved');
        assert.notEqual(await store.request(approval.id), null);
        await through(store, approved, 'lapsed');
        assert.equal(await store.request(approval.id), null);
      });

      test('P2: a lease is renewed only while it is a dispatch, never shortened, and not where it was lifted or another’s', async () => {
        const { approval } = await opened();
        const approved = await through(store, approval, 'approved');
        const lease = async (from: Approval, leaseUntil: Date | null): Promise<Approval> => {
          const committed = await store.commit(
            change(from, 'dispatched', { patch: { leaseUntil, dispatcher: 'mine' } }),
          );
          assert.equal(committed.kind, 'committed');
          return (await store.find(from.id))!;
        };
        const lifted = await lease(approved, null);
        const until = new Date(Date.now() + 30_000);
        const renew = (id: string, at: Date, by = 'mine'): Promise<void> => store.renew(new Map([[by, id]]), at);
        await renew(lifted.id, until);
        assert.equal((await store.find(lifted.id))!.leaseUntil, null);
        const dispatched = await lease(lifted, new Date());
        await renew(dispatched.id, until);
        assert.deepEqual((await store.find(dispatched.id))!.leaseUntil, until);
        await renew(dispatched.id, new Date());
        await renew(dispatched.id, new Date(Date.now() + 90_000), 'another dispatch of it');
        assert.deepEqual((await store.find(dispatched.id))!.leaseUntil, until);
        const unknown = await through(store, (await store.find(dispatched.id))!, 'unknown');
        await renew(unknown.id, new Date(0));
        assert.deepEqual((await store.find(unknown.id))!.leaseUntil, until);
      });

      test('changed tells those whose revision is another, and no others', async () => {
        const [one, two] = [await opened(), await opened()];
        const moved = await through(store, two.approval, 'denied');
        const found = await store.changed(new Map([one, two].map(({ approval }) => [approval.id, approval.revision])));
        assert.deepEqual(found, [moved]);
        assert.deepEqual(await store.changed(new Map()), []);
      });
    });

    describe('leaving', () => {
      test('P3: leaving is by server, session and request; the revision moves with it', async () => {
        const joiner = newJoiner({ session: 'mine', requestId: '"7"' });
        const { approval } = await opened(newApproval(), joiner);
        const says = (id: string) => eventOf('approval.caller_left', { id });
        for (const wrong of [
          { server: approval.server, session: 'yours', requestId: '"7"' },
          { server: approval.server, session: 'mine', requestId: '7' },
          { server: 'another', session: 'mine', requestId: '"7"' },
        ]) {
          assert.equal(await store.leave(wrong, says), null);
        }
        const left = await store.leave({ server: approval.server, session: 'mine', requestId: '"7"' }, says);
        assert.equal(left!.callers, 0);
        assert.equal(left!.revision, approval.revision + 1);
        assert.equal(await store.leave({ joiner: joiner.id }, says), null, 'once');
        assert.deepEqual(await typesOf(approval.id), ['approval.requested', 'approval.caller_left']);
      });

      test('a session that ends leaves all of its calls on that server', async () => {
        const session = `session-${randomHex(4)}`;
        const mine = await Promise.all([
          opened(newApproval(), newJoiner({ session })),
          opened(newApproval(), newJoiner({ session })),
        ]);
        const elsewhere = await opened(newApproval({ server: 'another' }), newJoiner({ session }));
        const left = await store.leaveSession({ server: 'prometheus', session }, (id) =>
          eventOf('approval.caller_left', { id }),
        );
        assert.deepEqual(left.map((one) => one.id).sort(), mine.map((one) => one.approval.id).sort());
        assert.equal((await store.find(elsewhere.approval.id))!.callers, 1);
      });

      test('P4: leaving and joining at once never wait for each other in a circle', async () => {
        const session = `session-${randomHex(4)}`;
        const all = await Promise.all(
          Array.from({ length: 6 }, () => opened(newApproval({ grant: session }), newJoiner({ session }))),
        );
        await Promise.all([
          ...all.map(({ request }) => open(world.other, again(request))),
          world.one.leaveSession({ server: 'prometheus', session }, (id) => eventOf('approval.caller_left', { id })),
          ...all.toReversed().map(({ request }) => open(world.one, again(request))),
        ]);
        for (const { approval } of all) assert.equal((await store.find(approval.id))!.callers, 2);
      });
    });

    describe('the sweep’s question', () => {
      test('P4: late ones, parked ones, stale cards and abandoned ones are told apart', async () => {
        const past = new Date(Date.now() - 1_000);
        const expired = await opened(newApproval({ expiresAt: past }));
        const parked = await opened();
        const picked = await opened();
        await store.commit(change(picked.approval, 'approved', { patch: { pickupUntil: past } }));
        const leased = await opened();
        const approved = await through(store, leased.approval, 'approved');
        await store.commit(change(approved, 'dispatched', { patch: { leaseUntil: past } }));
        const work = await store.overdue(new Date(), 1_000);
        const late = work.late.map((one) => one.id);
        for (const one of [expired, picked, leased]) assert.ok(late.includes(one.approval.id));
        assert.ok(!late.includes(parked.approval.id));
        const waiting = work.parked.find((one) => one.id === parked.approval.id);
        assert.deepEqual(waiting, { id: parked.approval.id, expiresAt: parked.approval.expiresAt });
        assert.ok(work.stale.includes(parked.approval.id));
        await store.saveCard(cardOf(parked.approval.id, 1), null);
        assert.ok(!(await store.overdue(new Date(), 1_000)).stale.includes(parked.approval.id));
      });

      test('P10: a card’s later revision is never overwritten by an earlier one', async () => {
        const { approval } = await opened();
        await store.saveCard({ ...cardOf(approval.id, 3), digest: 'three' }, eventOf('card.posted', approval));
        await store.saveCard({ ...cardOf(approval.id, 2), digest: 'two', ts: null }, null);
        const card = (await store.card(approval.id))!;
        assert.deepEqual([card.revision, card.digest, card.ts], [3, 'three', '1.2']);
        assert.equal(await store.card('ap_none'), null);
      });

      test('P7: what a card showed is kept with the event that names it, once, and as long as its approval', async () => {
        const { approval } = await opened();
        const content = JSON.stringify([{ type: 'header', text: { type: 'plain_text', text: approval.id } }]);
        const digest = createHash('sha256').update(content).digest('hex');
        const kept = async () =>
          (await world.rows(`select content from holdfast.card_contents where digest = '${digest}'`)).map(
            (row) => row.content,
          );
        // An event that cannot be written takes what it names with it.
        const unwritable = { ...eventOf('card.posted', approval), actor: 'a\0b' };
        await assert.rejects(store.saveCard(cardOf(approval.id, 1), unwritable, content), Unavailable);
        assert.deepEqual(await kept(), []);
        await store.saveCard(cardOf(approval.id, 1), eventOf('card.posted', approval), content);
        await store.saveCard(cardOf(approval.id, 1), eventOf('card.updated', approval), content);
        assert.deepEqual(await kept(), [content]);
        await world.rows(`delete from holdfast.approvals where id = '${approval.id}'`);
        assert.deepEqual(await kept(), []);
      });

      test('P10: of runs that want the same card at once one gets it, until it lets go or its replica is silent', async () => {
        const { approval } = await opened();
        const runs = await Promise.all(
          Array.from({ length: 6 }, (_, n) =>
            (n % 2 ? world.one : world.other).claimCard(approval.id, { id: `run-${n}`, replica: 'here', ms: 60_000 }),
          ),
        );
        assert.deepEqual(
          runs.filter((one) => one !== false),
          [{ card: null }],
        );
        const winner = runs.findIndex((one) => one !== false);
        await store.releaseCard(approval.id, `run-${(winner + 1) % 6}`);
        assert.equal(await store.claimCard(approval.id, { id: 'next', replica: 'here', ms: 60_000 }), false);
        await store.releaseCard(approval.id, `run-${winner}`);
        const next = await store.claimCard(approval.id, { id: 'next', replica: 'dead', ms: 60_000 });
        assert.ok(next !== false && next.card !== null);
        assert.notEqual(await store.claimCard(approval.id, { id: 'heir', replica: 'here', ms: 60_000 }), false);
      });

      test('a notice is said by one of many, and again when it is let go', async () => {
        const notice = randomHex(4);
        const claims = await Promise.all(
          Array.from({ length: 8 }, (_, n) => (n % 2 ? world.one : world.other).claimNotice(notice, 60_000)),
        );
        assert.equal(claims.filter((one) => one).length, 1);
        await store.releaseNotice(notice);
        assert.equal(await store.claimNotice(notice, 60_000), true);
      });
    });

    describe('reading', () => {
      test('lists are newest first, by state, a page at a time', async () => {
        const grant = `grant-${randomHex(4)}`;
        const ids: string[] = [];
        for (const n of [1, 2, 3, 4, 5])
          ids.push((await opened(newApproval({ grant, id: `ap_zz${n}${randomHex(4)}` }))).approval.id);
        const seen: string[] = [];
        let after: string | undefined;
        for (;;) {
          const page = await store.list({ states: ['pending'], limit: 2, ...(after ? { after } : {}) });
          seen.push(...page.items.filter((one) => one.grant === grant).map((one) => one.id));
          if (page.next === null) break;
          after = page.next;
        }
        assert.deepEqual(seen, ids.toReversed());
        assert.ok((await store.list({ states: ['denied'], limit: 100 })).items.every((one) => one.state === 'denied'));
      });

      test('a session stays with the grant that opened it first', async () => {
        const id = randomHex(8);
        await store.bindSession(id, 'a', 'mine');
        await world.other.bindSession(id, 'a', 'yours');
        assert.equal(await store.sessionGrant(id, 'a'), 'mine');
        assert.equal(await store.sessionGrant(id, 'b'), null);
        await store.unbindSession(id, 'a');
        assert.equal(await store.sessionGrant(id, 'a'), null);
      });

      test('P7: events are chained in order of writing, once, whoever seals and whoever writes meanwhile', async () => {
        const writing = Array.from({ length: 40 }, (_, n) =>
          (n % 2 ? world.one : world.other).append([
            eventOf('call.allowed', { tool: `t${n}` }),
            eventOf('call.denied'),
          ]),
        );
        const sealing = Array.from({ length: 10 }, (_, n) => (n % 2 ? world.one : world.other).seal(7));
        await Promise.all([...writing, ...sealing]);
        while ((await store.seal(50)) > 0);
        const rows = await world.rows('select body, seq, hash from holdfast.events order by seq');
        let hash = '0'.repeat(64);
        for (const [index, row] of rows.entries()) {
          hash = createHash('sha256')
            .update(`${hash}\n${index + 1}\n${row.body}`)
            .digest('hex');
          assert.equal(Number(row.seq), index + 1);
          assert.equal(row.hash, hash);
        }
        assert.equal(await store.seal(10), 0);
      });

      test('P7: what one caller wrote after the other is chained in that order', async () => {
        const id = `ap_${randomHex(13)}`;
        while ((await store.seal(500)) > 0);
        for (const tool of ['a', 'b', 'c', 'd']) await store.append([eventOf('call.allowed', { id, tool })]);
        await store.seal(500);
        const all = await store.events({ after: 0, limit: 10, approval: id });
        const first = all[0]!.seq!;
        assert.deepEqual(
          all.map((event) => [event.tool, event.seq! - first]),
          [
            ['a', 0],
            ['b', 1],
            ['c', 2],
            ['d', 3],
          ],
        );
      });

      test('P7: a batch is chained as it is written, after what was open before it; after too much, by the sealer', async () => {
        while ((await store.seal(500)) > 0);
        const places = async (...ids: string[]): Promise<(number | null)[]> =>
          (await Promise.all(ids.map((approval) => store.events({ after: 0, limit: 10, approval }))))
            .flat()
            .map((event) => event.seq);
        const [open, batch, late] = [`ap_${randomHex(13)}`, `ap_${randomHex(13)}`, `ap_${randomHex(13)}`];
        await store.refund([], eventOf('call.refunded', { id: open }));
        assert.deepEqual(await places(open), [null]);
        await store.append([eventOf('call.allowed', { id: batch }), eventOf('call.allowed', { id: batch })]);
        const [first, ...rest] = await places(open, batch);
        assert.deepEqual(rest, [first! + 1, first! + 2]);
        assert.equal(await store.seal(10), 0);

        await world.rows(
          "insert into holdfast.events (body, type, at, actor) select '{}', 'call.allowed', now(), 'x' from generate_series(1, 300)",
        );
        await store.append([eventOf('call.allowed', { id: late })]);
        assert.deepEqual(await places(late), [null]);
        while ((await store.seal(500)) > 0);
        assert.deepEqual(await places(late), [first! + 303]);
      });

      test('P7: an event is chained whatever its words are: no text can stop the log', async () => {
        while ((await store.seal(500)) > 0);
        const [long, next] = [`ap_${randomHex(13)}`, `ap_${randomHex(13)}`];
        const data = { arguments: { text: compounds(160_000) } };
        await store.refund([], { ...eventOf('approval.requested', { id: long }), data });
        await store.append([eventOf('call.denied', { id: next })]);
        await store.seal(500);
        const [asked, denied] = await Promise.all(
          [long, next].map((approval) => store.events({ after: 0, limit: 10, approval })),
        );
        assert.deepEqual(asked![0]!.data, data);
        assert.equal(denied![0]!.seq, asked![0]!.seq! + 1);
      });

      test('P7: events come back as they went in, after a cursor, by approval', async () => {
        const id = `ap_${randomHex(13)}`;
        const event = {
          ...eventOf('approval.decided', { id, server: 's', tool: 't', grant: 'g' }),
          data: { reason: 'Größe "x" \u2028', n: 1.5 },
        };
        await store.append([event, eventOf('card.posted', { id })]);
        const all = await store.events({ after: 0, limit: 10, approval: id });
        const { n, seq, hash, ...rest } = all[0]!;
        assert.deepEqual(rest, event);
        assert.ok(n > 0 && (seq === null) === (hash === null));
        assert.deepEqual(
          (await store.events({ after: n, limit: 10, approval: id })).map((one) => one.type),
          ['card.posted'],
        );
      });
    });
  });
}

/** Words that the database's text search takes apart, and keeps whole as well: many times what it holds of one text. */
function compounds(length: number): string {
  const letters = (from: number): string =>
    String.fromCodePoint(...Array.from({ length: 120 }, (_, n) => 0x20000 + ((from * 7_919 + n * 31) % 40_000)));
  let text = '';
  for (let n = 0; text.length < 2 * length; n += 2) text += `${letters(n)}-${letters(n + 1)} `;
  return text;
}

function take(different: Partial<Take> = {}): Take {
  const counter = `counter_${randomHex(5)}`;
  return {
    server: 's',
    counter,
    scope: 'grant',
    scopeValue: 'g',
    window: { calendar: 'month' },
    max: '3',
    by: '1',
    ...different,
  };
}

function cardOf(approval: string, revision: number) {
  return { approval, channel: 'C1', ts: '1.2', revision, digest: 'd', postedAt: new Date() };
}
