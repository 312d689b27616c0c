import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Approval } from '../../../src/domain/approval/approval.ts';
import type { GrantRoom, Store } from '../../../src/ports.ts';
import {
  again,
  change,
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
} from '../../support/store/world.ts';

for (const kind of STORES) {
  describe(`a grant's room on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let store: Store;
    const newGrant = (): string => `grant-${randomHex(4)}`;
    const bytes = (octets: number) => ({ request: new Uint8Array(octets) });
    const withdraw = async (approval: Awaited<ReturnType<typeof opened>>['approval']) => {
      const done = await store.commit(change(approval, 'withdrawn'));
      assert.equal(done.kind, 'committed');
    };
    before(async () => {
      world = await storeWorld(kind);
      store = world.one;
    });
    beforeEach(() => store.beat('here'));
    after(() => world?.close());

    test('P5: opening and taking back does not pass the rate, at two replicas at once; a refusal counts for nothing', async () => {
      const grant = newGrant();
      const openings = { max: 6, per: 'hour' } as const;
      const asked = Array.from({ length: 15 }, () => newApproval({ grant }));
      const results = await Promise.all(
        asked.map(async (one, n) => {
          const result = await open(n % 2 ? world.other : world.one, one, newJoiner(), { openings });
          if (result.kind === 'opened') await withdraw(result.approval);
          return result;
        }),
      );
      assert.equal(results.filter(({ kind }) => kind === 'opened').length, 6);
      const refused = results.filter((one) => one.kind === 'paced');
      assert.equal(refused.length, 9);
      for (const { full } of refused) {
        const { take, retryAfter, resetsAt } = full;
        assert.ok(resetsAt instanceof Date && resetsAt.getTime() > Date.now(), String(resetsAt));
        assert.deepEqual([take.counter, take.scope, take.max], ['approval.openings', 'grant', '6']);
        assert.ok(retryAfter > 3_500 && retryAfter <= 3_600, `${retryAfter}`);
      }
      assert.equal(
        (await open(store, newApproval({ grant }), newJoiner(), { openings: { max: 7, per: 'hour' } })).kind,
        'opened',
      );
      assert.equal((await open(store, newApproval(), newJoiner(), { openings })).kind, 'opened', 'another grant');
    });

    test('P5: the rate holds in any stretch of its length, and its room comes back one by one', async () => {
      const grant = newGrant();
      const openings = { max: 2, per: 'second' } as const;
      const tryOne = () => open(store, newApproval({ grant }), newJoiner(), { openings });
      // Each opened somewhere between these two times, by the database's clock.
      const times: { readonly from: number; readonly to: number }[] = [];
      const until = performance.now() + 2_600;
      while (performance.now() < until) {
        const from = performance.now();
        if ((await tryOne()).kind === 'opened') times.push({ from, to: performance.now() });
      }
      assert.ok(times.length >= 3, `${times.length} in 2.6 s`);
      for (const [n, { from }] of times.entries()) {
        const third = times[n + 2];
        assert.ok(third === undefined || third.to - from > 990, `three within ${(third?.to ?? 0) - from} ms`);
      }
    });

    test('P5: what two replicas open in turns stays within the limits, though each counts only now and then', async () => {
      const [grant, maxPending] = [newGrant(), 12];
      const at = (n: number) => (n % 2 === 0 ? world.one : world.other);
      const tryOne = (n: number, more: Partial<GrantRoom>, octets = 4) =>
        open(at(n), { ...newApproval({ grant }), ...bytes(octets) }, newJoiner(), { maxPending: 100, ...more });
      const approvals: Approval[] = [];
      for (let n = 0; n < 20; n += 1) {
        const result = await tryOne(n, { maxPending });
        assert.equal(result.kind, n < maxPending ? 'opened' : 'crowded', `${n}`);
        if (result.kind === 'opened') approvals.push(result.approval);
      }
      await withdraw(approvals[3]!);
      assert.equal((await tryOne(1, { maxPending })).kind, 'opened', 'what one took back, the other opens');
      assert.deepEqual(await tryOne(0, { maxPending }), { kind: 'crowded', pending: maxPending });
      // 12 of 4 octets are kept; those of both replicas count at either.
      for (let n = 0; n < 9; n += 1) assert.equal((await tryOne(n, { keptBytes: 1_000 }, 100)).kind, 'opened', `${n}`);
      for (const n of [0, 1]) {
        assert.deepEqual(await tryOne(n, { keptBytes: 1_000 }, 100), {
          kind: 'heavy',
          kept: 948,
          asked: 100,
          most: 1_000,
        });
      }
    });

    test('P5: what a replica of the release before opens is counted by those that know of no such opening', async () => {
      const [grant, maxPending] = [newGrant(), 3];
      const { approval } = await opened(store, newApproval({ grant }));
      const older = `${approval.id}0`;
      await world.rows(`insert into holdfast.approvals
        select (jsonb_populate_record(a, jsonb_build_object('id', '${older}', 'fingerprint', '${randomHex(32)}'))).*
        from holdfast.approvals a where a.id = '${approval.id}'`);
      await world.rows(
        `insert into holdfast.openings (id, grant_name, kind) values ('${older}', '${grant}', 'approval')`,
      );
      const tryOne = () => open(store, newApproval({ grant }), newJoiner(), { maxPending });
      const third = await tryOne();
      assert.ok(third.kind === 'opened' && third.nth === 3, JSON.stringify(third));
      assert.equal((await tryOne()).kind, 'crowded');
    });

    test('P5: joining counts for no opening, and a full limit of the policy still lets join', async () => {
      const { request } = await opened(store);
      const room = { openings: { max: 1, per: 'hour' }, closed: true } as const;
      assert.equal((await open(store, again(request), newJoiner(), room)).kind, 'joined');
      const other = newApproval({ grant: request.approval.grant });
      assert.equal((await open(store, other, newJoiner(), room)).kind, 'crowded');
    });

    test('P5: the bytes kept for a grant are bounded, results and tasks included, and freed when nothing is owed', async () => {
      const grant = newGrant();
      const keptBytes = 1_000;
      const tryOne = (octets: number) =>
        open(store, { ...newApproval({ grant }), ...bytes(octets) }, newJoiner(), { keptBytes });
      const first = await tryOne(600);
      assert.equal(first.kind, 'opened');
      assert.deepEqual(await tryOne(401), { kind: 'heavy', kept: 600, asked: 401, most: 1_000 });
      assert.equal((await tryOne(400)).kind, 'opened');
      if (first.kind !== 'opened') return;
      await withdraw(first.approval);
      const second = await tryOne(100);
      assert.equal(second.kind, 'opened');
      if (second.kind !== 'opened') return;
      const dispatched = await through(store, second.approval, 'approved', 'dispatched');
      const patch = { result: new Uint8Array(550), resultUntil: new Date(Date.now() + 600_000) };
      await store.commit(change(dispatched, 'succeeded', { patch }));
      assert.deepEqual(await tryOne(51), { kind: 'heavy', kept: 950, asked: 51, most: 1_000 });
      await store.collected(second.joiner, eventOf('approval.collected', second.approval));
      assert.equal((await tryOne(600)).kind, 'opened');
    });

    test('P5: joining is refused too where more is kept than may be, and asks for nothing itself', async () => {
      const grant = newGrant();
      const request = { ...newApproval({ grant }), ...bytes(1_000) };
      assert.equal((await open(store, request)).kind, 'opened');
      const joined = await open(store, again(request), newJoiner(), { keptBytes: 900 });
      assert.deepEqual(joined, { kind: 'heavy', kept: 1_000, asked: null, most: 900 });
    });

    test('P5: at most fifty callers wait for one approval, ten for each pending one of a grant, sixty join in a minute', async () => {
      const { request } = await opened(store);
      for (let n = 1; n < 50; n += 1) assert.equal((await open(store, again(request))).kind, 'joined');
      assert.deepEqual(await open(store, again(request)), { kind: 'overjoined', of: 'approval', most: 50 });

      const small = await opened(store);
      for (let n = 1; n < 20; n += 1) {
        assert.equal((await open(store, again(small.request), newJoiner(), { maxPending: 2 })).kind, 'joined');
      }
      const more = await open(store, again(small.request), newJoiner(), { maxPending: 2 });
      assert.deepEqual(more, { kind: 'overjoined', of: 'grant', most: 20 });

      const churned = await opened(store);
      for (let n = 1; n < 60; n += 1) {
        const joined = await open(store, again(churned.request));
        assert.equal(joined.kind, 'joined');
        if (joined.kind === 'joined')
          await store.leave({ joiner: joined.joiner }, () => eventOf('approval.caller_left'));
      }
      assert.deepEqual(await open(store, again(churned.request)), { kind: 'overjoined', of: 'minute', most: 60 });
    });

    test('a caller that comes back takes its own seat, however full it is', async () => {
      const { request, joiner } = await opened(store);
      for (let n = 1; n < 50; n += 1) await open(store, again(request));
      await store.away(joiner.id, 'here');
      const back = await open(store, again(request));
      assert.deepEqual([back.kind, 'joiner' in back && back.joiner], ['joined', joiner.id]);
    });

    test('P5: opening sessions has a rate over all replicas; what opened none is given back', async () => {
      const grant = newGrant();
      const rate = { max: 5, per: 'minute' } as const;
      const ids = Array.from({ length: 12 }, () => `se_${randomHex(8)}`);
      const results = await Promise.all(
        ids.map((id, n) => (n % 2 ? world.other : world.one).countSession(id, grant, rate)),
      );
      assert.equal(results.filter((full) => full === null).length, 5);
      const full = results.find((one) => one !== null)!;
      assert.deepEqual([full.take.counter, full.take.scope], ['sessions.openings', 'grant']);
      assert.ok(full.retryAfter > 50 && full.retryAfter <= 60, `${full.retryAfter}`);
      await store.uncountSession(ids[results.indexOf(null)]!);
      assert.equal(await store.countSession('se_more', grant, rate), null);
      assert.notEqual(await store.countSession('se_too_many', grant, rate), null);
      assert.equal(await store.countSession(`se_${randomHex(8)}`, newGrant(), rate), null, 'another grant');
    });

    test('how many a grant has opened and taken back in the last minute is known', async () => {
      const grant = newGrant();
      for (let nth = 1; nth <= 4; nth += 1) {
        const one = await open(store, newApproval({ grant }));
        assert.ok(one.kind === 'opened' && one.nth === nth);
        if (one.kind === 'opened' && nth > 1) await withdraw(one.approval);
      }
      assert.equal(await store.takenBack(grant), 3);
      assert.equal(await store.takenBack(newGrant()), 0);
    });

    test('P5: cards that show an old revision are found by turns of their grants', async () => {
      const [flood, quiet] = [newGrant(), newGrant()];
      for (let n = 0; n < 8; n += 1) await open(store, newApproval({ grant: flood }));
      const last = await open(store, newApproval({ grant: quiet }));
      const { stale } = await store.overdue(new Date(), 10_000);
      const grants = await Promise.all(stale.map(async (id) => (await store.find(id))!.grant));
      const place = stale.indexOf('approval' in last ? last.approval.id : '');
      assert.ok(place >= 0);
      assert.ok(grants.slice(0, place).filter((grant) => grant === flood).length <= 1, grants.join(' '));
    });

    test('a first post that was certainly refused leaves no trace; one that may have been made does', async () => {
      const { approval } = await opened(store);
      const run = (id: string) => ({ id, replica: 'here', ms: 60_000 });
      assert.deepEqual(await store.claimCard(approval.id, run('r1')), { card: null, revision: 1 });
      await store.releaseCard(approval.id, 'r1', true);
      assert.deepEqual(await store.claimCard(approval.id, run('r2')), { card: null, revision: 1 });
      await store.releaseCard(approval.id, 'r2');
      const claim = await store.claimCard(approval.id, run('r3'));
      assert.ok(claim !== false && claim.card !== null && claim.card.ts === null);
    });
  });
}
