import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Approval, Decision } from '../../../src/domain/approval/approval.ts';
import {
  type Freeze,
  type FreezeScope,
  freezeOver,
  MOST_FREEZES,
  scopeName,
} from '../../../src/domain/freeze/freeze.ts';
import type { NewEvent } from '../../../src/domain/log/event.ts';
import type { Take } from '../../../src/domain/policy/limit.ts';
import type { Freezes, Store } from '../../../src/ports.ts';
import {
  again,
  change,
  eventOf,
  GIVEN,
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
import { eventually } from '../../support/wait.ts';

const ALL: FreezeScope = { kind: 'all' };

for (const kind of STORES) {
  describe(`freezes in the store on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let store: Store;
    let freezes: Freezes;
    before(async () => {
      world = await storeWorld(kind);
      store = world.one;
      [freezes] = world.freezes;
    });
    beforeEach(() => store.beat('here'));
    afterEach(async () => {
      for (const freeze of await freezes.list()) await lift(freezes, freeze.id);
    });
    after(() => world?.close());

    test('one scope has one, at most a hundred are in force, and what was lifted is kept', async () => {
      const first = freezeOf({ kind: 'server', name: 's' });
      assert.equal((await set(freezes, first)).kind, 'set');
      assert.deepEqual(await set(world.freezes[1], freezeOf({ kind: 'server', name: 's' })), {
        kind: 'exists',
        freeze: first,
      });
      assert.equal((await set(freezes, freezeOf({ kind: 'grant', name: 's' }))).kind, 'set');
      const everything = freezeOf(ALL);
      assert.equal((await set(freezes, everything)).kind, 'set');
      assert.equal((await set(freezes, freezeOf(ALL))).kind, 'exists');
      assert.deepEqual(
        (await world.freezes[1].list()).map(({ id }) => id),
        (await freezes.list()).map(({ id }) => id),
      );
      assert.deepEqual((await freezes.list())[0], first);

      const lifted = await lift(freezes, first.id);
      assert.deepEqual(lifted, { kind: 'lifted', freeze: first, concerned: [] });
      const twice = await lift(world.freezes[1], first.id);
      assert.equal(twice.kind === 'already' && twice.liftedBy, 'admin');
      assert.equal((await lift(freezes, 'fz_none')).kind, 'not_found');
      const [row] = await world.rows(`select * from holdfast.freezes where id = '${first.id}'`);
      assert.deepEqual([row?.reason, row?.lifted_by, row?.lifted_reason], ['why', 'admin', 'over']);
      assert.equal((await set(freezes, freezeOf({ kind: 'server', name: 's' }))).kind, 'set', 'frozen anew');

      const more = MOST_FREEZES - (await freezes.list()).length;
      for (let n = 0; n < more; n += 1) {
        assert.equal((await set(freezes, freezeOf({ kind: 'server', name: `s${n}` }))).kind, 'set');
      }
      assert.equal((await set(freezes, freezeOf({ kind: 'server', name: 'more' }))).kind, 'crowded');
    });

    test('P7: it is set and lifted with its event, or not at all', async () => {
      const marked = (mark: string): NewEvent => ({ ...eventOf('freeze.set'), data: { mark } });
      const marks = async () => {
        const all = await world.rows(`select body::json -> 'data' ->> 'mark' as mark from holdfast.events`);
        return all.map(({ mark }) => mark).filter((mark) => typeof mark === 'string');
      };
      const freeze = freezeOf(ALL);
      await freezes.set(freeze, marked('set'));
      await freezes.set(freezeOf(ALL), marked('second'));
      const lifting = { by: 'admin', at: new Date(), reason: 'over' };
      await freezes.lift(freeze.id, lifting, () => marked('lifted'));
      await freezes.lift(freeze.id, lifting, () => marked('lifted again'));
      assert.deepEqual(await marks(), ['set', 'lifted']);
    });

    test('P1: what it stops is not spent, alone or with the decision; everything else is', async () => {
      const scopes: [FreezeScope, boolean][] = [
        [ALL, true],
        [{ kind: 'server', name: 's1' }, true],
        [{ kind: 'grant', name: 'g1' }, true],
        [{ kind: 'server', name: 'g1' }, false],
        [{ kind: 'grant', name: 's1' }, false],
        [{ kind: 'server', name: 's2' }, false],
      ];
      for (const [scope, stops] of scopes) {
        const request = newApproval({ server: 's1', grant: 'g1' });
        const { approval, joiner } = await opened(store, request);
        const decided = change(approval, 'approved');
        const pickupUntil = decided.patch?.pickupUntil ?? null;
        const spent = spendingOf({ ...approval, state: 'approved', revision: approval.revision + 1, pickupUntil });
        const freeze = freezeOf(scope);
        await set(world.freezes[1], freeze);
        const both = await store.commitBoth(decided, { ...spent, joiner: joiner.id });
        assert.equal(both.kind, stops ? 'frozen' : 'committed', JSON.stringify(scope));
        if (!stops) {
          await lift(freezes, freeze.id);
          continue;
        }
        assert.deepEqual(await store.find(approval.id), approval, 'nothing was changed');
        assert.equal((await store.commit(decided)).kind, 'committed', 'it can be decided');
        assert.equal((await store.commit({ ...spent, joiner: joiner.id })).kind, 'frozen');
        assert.equal((await store.commit({ ...spent, takes: [take()] })).kind, 'frozen');
        assert.equal((await store.commit({ ...spent, joiner: 'jo_left' })).kind, 'left', 'who left is told so first');
        await lift(world.freezes[1], freeze.id);
        assert.equal((await store.commit({ ...spent, joiner: joiner.id })).kind, 'committed', 'after the thaw');
      }
    });

    test('P5: an admitted call is stopped by name, takes nothing, and no other of its batch is', async () => {
      await set(freezes, freezeOf({ kind: 'grant', name: 'frozen' }));
      await set(freezes, freezeOf({ kind: 'server', name: 'frozen' }));
      const shared = take({ max: '100' });
      const admit = (server: string, grant: string) => {
        return store.admit([shared], eventOf('call.allowed', { server, grant, tool: 't' }));
      };
      const admissions = await Promise.all([
        admit('s', 'g'),
        admit('s', 'frozen'),
        admit('frozen', 'g'),
        admit('g', 's'),
        admit('s', 'g'),
      ]);
      assert.deepEqual(
        admissions.map((admission) => admission.kind),
        ['admitted', 'frozen', 'frozen', 'admitted', 'admitted'],
      );
      assert.notEqual(await store.peek([{ ...shared, max: '3' }]), null, 'three are taken');
      assert.equal(await store.peek([{ ...shared, max: '4' }]), null, 'and no more');
      await set(freezes, freezeOf(ALL));
      assert.equal((await admit('s', 'g')).kind, 'frozen');
    });

    test('P1: nor does a call go on with an answer', async () => {
      const { approval } = await opened(store, newApproval({ server: 's1', grant: 'g1' }));
      const sent = await through(store, approval, 'approved', 'dispatched');
      const until = new Date(Date.now() + 60_000);
      const patch = { awaits: 'input', leaseUntil: until, questions: 1 } as const;
      const waits = await store.commit(change(sent, 'dispatched', { patch }));
      assert.equal(waits.kind, 'committed');
      const [tasks] = world.tasks;
      const state = { digest: randomHex(8), grant: 'g1', server: 's1', fingerprint: 'f' };
      await tasks.rememberContinuation({ ...state, approval: approval.id, expiresAt: until });
      const at = { digests: [state.digest], grant: 'g1', server: 's1', fingerprints: ['f'], now: new Date() };
      const goOn = () =>
        tasks.takeContinuation({ ...at, joiner: newJoiner(), dispatcher: 'me', until }, GIVEN, () => []);
      const freeze = freezeOf({ kind: 'server', name: 's1' });
      await set(freezes, freeze);
      assert.equal(await goOn(), null);
      const resumed = waits.kind === 'committed' ? waits.approval : sent;
      const resuming = change(resumed, 'dispatched', { unlessFrozen: { server: 's1', grant: 'g1' } });
      assert.equal((await store.commit(resuming)).kind, 'frozen');
      await lift(freezes, freeze.id);
      assert.notEqual(await goOn(), null, 'after the thaw the question still stands');
    });

    test('a request of the server’s is not answered, and stands', async () => {
      const { approval } = await opened(store, newApproval({ server: 's1', grant: 'g1' }));
      await through(store, approval, 'approved', 'dispatched');
      const [tasks] = world.tasks;
      const key = randomHex(4);
      const place = { grant: 'g1', server: 's1', servers: ['s1'], session: null };
      const asked = { ...place, key, approval: approval.id, digest: 'd', kept: new Uint8Array([1]), at: new Date() };
      assert.equal(await tasks.keepRequest(asked), true);
      const { n } = (await tasks.findRequest(place, key))!;
      const answer = (unlessFrozen?: { server: string; grant: string }) =>
        tasks.answerRequest(
          { n, approval: approval.id, now: new Date(), ...(unlessFrozen && { unlessFrozen }) },
          GIVEN,
          [],
        );
      const freeze = freezeOf({ kind: 'grant', name: 'g1' });
      await set(freezes, freeze);
      assert.equal(await answer({ server: 's1', grant: 'g1' }), null);
      assert.equal((await tasks.findRequest(place, key))?.answered, false);
      await lift(freezes, freeze.id);
      assert.notEqual(await answer({ server: 's1', grant: 'g1' }), null);
    });

    test('P1: once a freeze is set nothing more is spent or admitted, however close the race', async () => {
      const counter = take({ max: '1000000' });
      let [stopped, went] = [0, 0];
      for (let round = 0; round < 40; round += 1) {
        const passes = await Promise.all(
          Array.from(
            { length: 8 },
            async () => (await opened(store, newApproval({ server: 's1', grant: randomHex(6) }))).approval,
          ),
        );
        const approved = await Promise.all(passes.map((approval) => through(store, approval, 'approved')));
        const freeze = freezeOf(round % 2 === 0 ? ALL : { kind: 'server', name: 's1' });
        // As every replica reads them twice a second.
        await Promise.all(world.freezes.map((each) => each.list()));
        const counted = () => dispatchedOf(world, passes);
        const spends = approved.map(async (approval, nth) => {
          await turns((nth * 3 + round) % 20);
          const replica = nth % 2 === 0 ? world.one : world.other;
          return replica.commit(spendingOf(approval, nth % 4 < 2 ? { takes: [counter] } : {}));
        });
        const admissions = Array.from({ length: 6 }, async (_, nth) => {
          await turns((nth * 5 + round) % 20);
          const event = eventOf('call.allowed', { server: 's1', grant: freeze.id, tool: 't' });
          return (nth % 2 === 0 ? world.one : world.other).admit([counter], event);
        });
        const admitted = async () =>
          Number(
            (await world.rows(`select count(*) as n from holdfast.events where grant_name = '${freeze.id}'`))[0]?.n,
          );
        await turns(round % 12);
        await set(world.freezes[round % 2]!, freeze);
        const then = [await counted(), await admitted()];
        const ends = await Promise.all(spends);
        const allowed = await Promise.all(admissions);
        assert.deepEqual([await counted(), await admitted()], then, `round ${round}`);
        const committed = ends.filter((end) => end.kind === 'committed').length;
        assert.deepEqual([committed, allowed.filter((one) => one.kind === 'admitted').length], then);
        assert.ok(ends.every((end) => end.kind === 'committed' || end.kind === 'frozen'));
        stopped += ends.length - committed;
        went += committed;
        await lift(freezes, freeze.id);
      }
      assert.ok(stopped > 0 && went > 0, `the race was run both ways: ${stopped} stopped, ${went} went`);
    });

    // PGlite has one connection: nothing hangs beside another.
    if (kind === 'Postgres') {
      test('a transaction that hangs keeps a freeze waiting for two seconds, and no longer', async () => {
        const looks = 'not exists (select 1 from holdfast.freezes where lifted_at is null for share)';
        const hanging = world.rows(`select pg_sleep(4) from (select 1) one where ${looks}`);
        await eventually('it looks', async () => {
          const locks = await world.rows(`select 1 from pg_locks where relation = 'holdfast.freezes'::regclass`);
          return locks.length > 0 ? true : null;
        });
        const from = performance.now();
        assert.equal((await set(world.freezes[1], freezeOf(ALL))).kind, 'set');
        const ms = performance.now() - from;
        assert.ok(ms > 1_500 && ms < 3_500, `${ms} ms`);
        await hanging;
      });
    }

    test('P3: of a take-back and the spending of the pass, one holds; the other is told to look', async () => {
      for (let round = 0; round < 30; round += 1) {
        const { approval, joiner } = await opened(store);
        const approved = await through(store, approval, 'approved');
        const spend = () =>
          world.one.commit(spendingOf(approved, { joiner: joiner.id, ...(round % 3 ? {} : { takes: [take()] }) }));
        const back = () =>
          world.other.commit({
            ...change(approved, 'lapsed', { patch: { note: 'taken back by admin' } }),
            events: [eventOf('approval.taken_back', approved)],
          });
        const [spent, taken] =
          round % 2 ? await Promise.all([spend(), back()]) : (await Promise.all([back(), spend()])).reverse();
        assert.deepEqual([spent!.kind, taken!.kind].sort(), ['committed', 'conflict']);
        const now = (await store.find(approval.id))!;
        assert.equal(now.state, spent!.kind === 'committed' ? 'dispatched' : 'lapsed');
        const types = await typesOf(store, approval.id);
        assert.equal(types.includes('call.dispatched'), now.state === 'dispatched');
        assert.equal(types.includes('approval.taken_back'), now.state === 'lapsed');
      }
    });

    test('a caller that was away is told once that the yes was taken back, and is not asked about anew', async () => {
      const { approval, request, joiner } = await opened(store);
      const approved = await through(store, approval, 'approved');
      await store.away(joiner.id, joiner.replica);
      const patch = { note: 'taken back by admin: no', resultUntil: new Date(Date.now() + 60_000) };
      assert.equal((await store.commit(change(approved, 'lapsed', { patch }))).kind, 'committed');
      const back = await open(store, again(request));
      assert.equal(back.kind, 'owed');
      assert.equal('approval' in back && back.approval.id, approval.id);
      await store.collected(joiner.id, eventOf('approval.collected', approval));
      assert.equal((await open(store, again(request))).kind, 'opened');
    });

    test('P3: a denial takes the place of the same person’s yes, which nobody else’s does', async () => {
      const { approval } = await opened(store);
      const yes = decisionOf('approve');
      const voted = await store.commit(change(approval, 'pending', { decision: yes }));
      assert.ok(voted.kind === 'committed');
      const no = decisionOf('deny');
      assert.equal(
        (await store.commit(change(voted.approval, 'denied', { decision: no }))).kind,
        'conflict',
        'a vote is not replaced by chance',
      );
      const changed = await store.commit(change(voted.approval, 'denied', { decision: no, instead: 'approve' }));
      assert.ok(changed.kind === 'committed');
      assert.deepEqual(changed.approval.decisions, [no]);
      assert.deepEqual(await store.find(approval.id), changed.approval);
      const [{ n } = { n: 0 }] = await world.rows(
        `select count(*) as n from holdfast.decisions where approval_id = '${approval.id}'`,
      );
      assert.equal(Number(n), 1);
    });

    test('the sweep finds the cards that do not tell what is frozen, and none that does', async () => {
      const { approval } = await opened(store, newApproval({ server: 's1', grant: 'g1' }));
      const card = {
        approval: approval.id,
        channel: 'C1',
        ts: '1.5',
        revision: approval.revision,
        digest: 'd',
        postedAt: null,
      };
      await store.saveCard(card, null);
      const stale = async () => (await store.overdue(new Date(), 500)).stale.includes(approval.id);
      assert.equal(await stale(), false);
      const server = freezeOf({ kind: 'server', name: 's1' });
      const [set1, all] = [await set(freezes, server), freezeOf(ALL)];
      assert.deepEqual(set1.kind === 'set' && set1.concerned.includes(approval.id), true);
      assert.equal(await stale(), true);
      await store.saveCard({ ...card, freeze: server.id }, null);
      assert.equal(await stale(), false);
      await set(freezes, all);
      assert.equal(await stale(), true, 'the widest is told');
      assert.equal(freezeOver(await freezes.list(), { server: 's1', grant: 'g1' })?.id, all.id);
      await store.saveCard({ ...card, freeze: all.id }, null);
      assert.equal(await stale(), false);
      await lift(freezes, all.id);
      await lift(freezes, server.id);
      assert.equal(await stale(), true, 'nothing is frozen any more');
      await store.saveCard({ ...card, freeze: null }, null);
      assert.equal(await stale(), false);
    });
  });
}

function freezeOf(scope: FreezeScope): Freeze {
  return { id: `fz_${randomHex(13)}`, scope, reason: 'why', by: 'admin', since: new Date() };
}

function set(freezes: Freezes, freeze: Freeze) {
  const name = scopeName(freeze.scope) ?? undefined;
  const about = freeze.scope.kind === 'server' ? { server: name! } : {};
  return freezes.set(freeze, eventOf('freeze.set', about));
}

function lift(freezes: Freezes, id: string) {
  return freezes.lift(id, { by: 'admin', at: new Date(), reason: 'over' }, () => eventOf('freeze.lifted'));
}

function spendingOf(approval: Approval, more: Parameters<typeof change>[2] = {}) {
  const unlessFrozen = { server: approval.server, grant: approval.grant };
  const patch = { leaseUntil: new Date(Date.now() + 600_000), dispatcher: 'me' };
  return change(approval, 'dispatched', { unlessFrozen, patch, ...more });
}

async function dispatchedOf(world: StoreWorld, approvals: readonly Approval[]): Promise<number> {
  const ids = approvals.map(({ id }) => `'${id}'`).join(', ');
  const found = await world.rows(
    `select count(*) as n from holdfast.events where type = 'call.dispatched' and approval_id in (${ids})`,
  );
  return Number(found[0]?.n);
}

function decisionOf(choice: Decision['choice']): Decision {
  return { approver: 'U0MIRA', choice, reason: null, via: 'slack', self: false, userGroup: null, at: new Date() };
}

/** Lets the event loop turn so many times: another interleaving for each. */
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

function take(different: Partial<Take> = {}): Take {
  const counter = `counter_${randomHex(5)}`;
  const window = { calendar: 'month' } as const;
  return { server: 's', counter, scope: 'grant', scopeValue: 'g', window, max: '3', by: '1', ...different };
}
