import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Approval, NEXT, STATES, type State } from '../../../src/domain/approval/approval.ts';
import type { Take } from '../../../src/domain/policy/limit.ts';
import { type Change, type Committed, type NewJoiner, type Store, Unavailable } from '../../../src/ports.ts';
import {
  change,
  eventOf,
  newJoiner,
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

    describe('changing', () => {
      test('only the transitions of the table are taken', async () => {
        for (const from of STATES) {
          for (const to of STATES) {
            const allowed = from === to || (NEXT[from] as readonly State[]).includes(to);
            const { approval } = await opened(store);
            const fake = { ...approval, state: from, pickupUntil: new Date() };
            const committing = store.commit({ ...change(fake, to), events: [] });
            if (!allowed) await assert.rejects(committing, Unavailable, `${from} → ${to}`);
            else
              assert.equal((await committing).kind, from === 'pending' ? 'committed' : 'conflict', `${from} → ${to}`);
          }
        }
      });

      test('P3: of two commits at once, on two replicas, one is taken and the other told to look again', async () => {
        for (let round = 0; round < 10; round += 1) {
          const { approval } = await opened(store);
          const [a, b] = await Promise.all([
            world.one.commit(change(approval, 'approved')),
            world.other.commit(change(approval, 'denied')),
          ]);
          assert.deepEqual([a.kind, b.kind].sort(), ['committed', 'conflict']);
          assert.equal((await store.find(approval.id))!.state, a.kind === 'committed' ? 'approved' : 'denied');
          assert.equal((await typesOf(store, approval.id)).filter((type) => type === 'approval.decided').length, 1);
        }
      });

      test('P2: a pass is spent by one of twenty who try at once', async () => {
        const { approval } = await opened(store);
        const approved = await through(store, approval, 'approved');
        const spent = await Promise.all(
          Array.from({ length: 20 }, (_, n) =>
            (n % 2 ? world.one : world.other).commit(change(approved, 'dispatched')),
          ),
        );
        assert.equal(spent.filter((one) => one.kind === 'committed').length, 1);
        assert.equal((await typesOf(store, approval.id)).filter((type) => type === 'call.dispatched').length, 1);
      });

      test('P3: one person votes once, whatever the revision says', async () => {
        const { approval } = await opened(store);
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

      test('P5: a full counter leaves all as it was: state, events and other counters', async () => {
        const { approval } = await opened(store);
        const approved = await through(store, approval, 'approved');
        const [wide, narrow] = [take({ max: '10' }), take({ max: '1' })];
        assert.equal((await store.admit([narrow], eventOf('call.allowed'))).kind, 'admitted');
        const spent = await store.commit(change(approved, 'dispatched', { takes: [wide, narrow] }));
        assert.equal(spent.kind, 'full');
        assert.deepEqual(spent.kind === 'full' && spent.full.take, narrow);
        assert.deepEqual(await store.find(approval.id), approved);
        assert.equal((await typesOf(store, approval.id)).includes('call.dispatched'), false);
        assert.equal(
          (await world.rows(`select 1 from holdfast.counters where key like '%${wide.counter}%'`)).length,
          0,
        );
      });

      test('P5: what a dispatch took comes back when nothing was sent', async () => {
        const { approval } = await opened(store);
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
          const { approval, joiner } = await opened(store);
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
        const { approval, joiner } = await opened(store);
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
        assert.deepEqual(await typesOf(store, approval.id), [
          'approval.requested',
          'approval.decided',
          'call.dispatched',
        ]);
        const ended = change(both.approval, 'succeeded', { dispatcher: 'me' });
        assert.equal((await store.commit(ended)).kind, 'committed');
      });

      test('P5: with a full counter, or a caller who has left, neither a decision nor what follows it is committed', async () => {
        const { approval, joiner } = await opened(store);
        const none = take({ max: '0' });
        const full = await store.commitBoth(...bothOf(approval, joiner, { takes: [none] }));
        assert.deepEqual(full.kind === 'full' && full.full.take, none);
        const left = await store.commitBoth(...bothOf(approval, newJoiner()));
        assert.equal(left.kind, 'left');
        assert.deepEqual(await store.find(approval.id), approval);
        assert.deepEqual(await typesOf(store, approval.id), ['approval.requested']);
      });

      test('P3: of a decision with what follows it and any other commit at once, on two replicas, one is taken', async () => {
        for (const other of ['denied', 'expired', 'withdrawn', 'approved', 'both', 'leave'] as const) {
          for (let round = 0; round < 4; round += 1) {
            const { approval, joiner } = await opened(store);
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
            const dispatched = (await typesOf(store, approval.id)).filter((type) => type === 'call.dispatched').length;
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

      test('P1: nothing is committed for a token that was revoked, nor (P10) for a card that is not as the decision says', async () => {
        const { approval, joiner } = await opened(store);
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

      test('P3: several are decided all or none; one that another replica changed meanwhile is named, and no event is left of the rest', async () => {
        const approvals = await Promise.all([opened(store), opened(store), opened(store)]);
        const [first, second, third] = approvals.map(({ approval }) => approval) as [Approval, Approval, Approval];
        const all = [third, first, second].map((approval) => bothOf(approval, newJoiner())[0]);
        await world.other.commit(change(second, 'denied'));
        assert.deepEqual(await store.commitTogether(all), { kind: 'none', id: second.id, why: 'conflict' });
        for (const one of [first, third]) {
          assert.deepEqual(await store.find(one.id), one);
          assert.equal((await typesOf(store, one.id)).includes('approval.decided'), false);
        }
        const made = await store.commitTogether(all.filter(({ id }) => id !== second.id));
        assert.deepEqual(made.kind === 'committed' && made.approvals.map(({ id, state }) => [id, state]), [
          [third.id, 'approved'],
          [first.id, 'approved'],
        ]);
        assert.equal((await store.find(first.id))!.decisions.length, 1);
        assert.equal((await typesOf(store, third.id)).filter((type) => type === 'approval.decided').length, 1);
      });

      test('P3: of batches that overlap, on two replicas, one is committed whole and the others not at all', async () => {
        for (let round = 0; round < 5; round += 1) {
          const approvals = await Promise.all(Array.from({ length: 6 }, () => opened(store)));
          const changes = approvals.map(({ approval }) => bothOf(approval, newJoiner())[0]);
          const batches = [changes.slice(0, 4), changes.slice(3).reverse(), [...changes].reverse()];
          const made = await Promise.all(
            batches.map((batch, n) => (n % 2 ? world.one : world.other).commitTogether(batch)),
          );
          assert.equal(made.filter(({ kind }) => kind === 'committed').length, 1);
          const taken = batches[made.findIndex(({ kind }) => kind === 'committed')]!.map(({ id }) => id);
          for (const { approval } of approvals)
            assert.equal((await store.find(approval.id))!.state, taken.includes(approval.id) ? 'approved' : 'pending');
        }
      });

      test('only plain decisions are made together', async () => {
        const { approval, joiner } = await opened(store);
        const [given, spent] = bothOf(approval, joiner);
        for (const wrong of [change(approval, 'withdrawn'), spent, { ...given, takes: [take({ max: '1' })] }])
          await assert.rejects(store.commitTogether([wrong]), Unavailable);
        assert.deepEqual(await store.find(approval.id), approval);
      });

      test('only what follows a decision is committed with it', async () => {
        const { approval, joiner } = await opened(store);
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

      test('an approval and its card are found together, as a click needs them', async () => {
        const { approval } = await opened(store);
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
        const { approval } = await opened(store);
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

      test('the request’s bytes are deleted once nothing can need them', async () => {
        const { approval } = await opened(store);
        const approved = await through(store, approval, 'approved');
        assert.notEqual(await store.request(approval.id), null);
        await through(store, approved, 'lapsed');
        assert.equal(await store.request(approval.id), null);
      });

      test('P2: a lease is renewed only while its call is dispatched, never shortened, and not once it was lifted or is another’s', async () => {
        const { approval } = await opened(store);
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

      test('changed finds the approvals whose revision is another, and no others', async () => {
        const [one, two] = [await opened(store), await opened(store)];
        const moved = await through(store, two.approval, 'denied');
        const found = await store.changed(new Map([one, two].map(({ approval }) => [approval.id, approval.revision])));
        assert.deepEqual(found, [moved]);
        assert.deepEqual(await store.changed(new Map()), []);
      });
    });
  });
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
