import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type NewApproval, type Store, Swallowed, Unavailable, Unstorable } from '../../../src/ports.ts';
import {
  again,
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
  describe(`calls that come together, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let store: Store;
    before(async () => {
      world = await storeWorld(kind);
      store = world.one;
    });
    beforeEach(() => store.beat('here'));
    after(() => world?.close());

    const newGrant = (): string => `grant-${randomHex(4)}`;
    const calls = (grant: string, count: number): NewApproval[] =>
      Array.from({ length: count }, () => newApproval({ grant }));
    const transactions = async (grant: string) =>
      Number(
        (
          await world.rows(
            `select count(distinct xmin::text) as n from holdfast.approvals where grant_name = '${grant}'`,
          )
        )[0]!.n,
      );

    test('open in few transactions, each as it was given, in the order in which they came', async () => {
      const grant = newGrant();
      const asked = calls(grant, 40);
      const joiners = asked.map(() => newJoiner());
      const results = await Promise.all(asked.map((one, n) => open(store, one, joiners[n])));
      assert.ok((await transactions(grant)) <= 2, `${await transactions(grant)} transactions`);
      const nths = new Set<number>();
      for (const [n, one] of results.entries()) {
        assert.ok(one.kind === 'opened');
        nths.add(one.nth);
        assert.equal(one.nth, n + 1);
        assert.equal(one.joiner, joiners[n]!.id);
        const found = await store.find(asked[n]!.approval.id);
        assert.deepEqual(found, one.approval);
        assert.equal(found!.broken, null, 'its seals fit');
        for (const [name, value] of Object.entries(asked[n]!.approval)) {
          assert.deepEqual(found![name as keyof typeof found], value, name);
        }
        assert.deepEqual(new Uint8Array((await store.request(found!.id))!), asked[n]!.request);
        assert.deepEqual(await typesOf(store, found!.id), ['approval.requested']);
      }
      assert.equal(nths.size, 40);
    });

    test('P6: what the database cannot keep of one call refuses that call, and none beside it', async () => {
      const grant = newGrant();
      const asked = calls(grant, 8);
      asked[4] = newApproval({ grant, statedReason: 'a \u0000 in it' });
      const results = await Promise.allSettled(asked.map((one) => open(store, one)));
      for (const [n, result] of results.entries()) {
        if (n === 4) assert.ok(result.status === 'rejected' && result.reason instanceof Unstorable);
        else assert.ok(result.status === 'fulfilled' && result.value.kind === 'opened', String(n));
      }
      assert.equal(await store.find(asked[4].approval.id), null);
    });

    test('P6: a call that a trigger keeps out is not opened, and those beside it are', async () => {
      const grant = newGrant();
      const asked = calls(grant, 8);
      asked[3] = newApproval({ grant, tool: 'kept_out' });
      await world.rows(
        "create or replace function keep_one_out() returns trigger language plpgsql as $$ begin if new.tool = 'kept_out' then return null; end if; return new; end $$",
      );
      await world.rows(
        'create trigger keep_one_out before insert on holdfast.approvals for each row execute function keep_one_out()',
      );
      try {
        const results = await Promise.allSettled(asked.map((one) => open(store, one)));
        for (const [n, result] of results.entries()) {
          if (n === 3) assert.ok(result.status === 'rejected' && result.reason instanceof Swallowed);
          else assert.ok(result.status === 'fulfilled' && result.value.kind === 'opened', String(n));
        }
      } finally {
        await world.rows('drop trigger keep_one_out on holdfast.approvals');
      }
      assert.deepEqual(await typesOf(store, asked[3].approval.id), []);
    });

    test('P2: one that somebody asked before joins, one that is owed an answer gets it, the others open', async () => {
      const first = await opened(store);
      const { grant } = first.approval;
      const ended = await opened(store, newApproval({ grant }));
      await through(store, ended.approval, 'denied');
      await store.away(ended.joiner.id, 'here');
      const asked = [
        ...calls(grant, 3),
        again(first.request),
        ...calls(grant, 2),
        again(ended.request),
        ...calls(grant, 2),
      ];
      const results = await Promise.all(asked.map((one) => open(store, one)));
      assert.deepEqual(
        results.map(({ kind: of }) => of),
        ['opened', 'opened', 'opened', 'joined', 'opened', 'opened', 'owed', 'opened', 'opened'],
      );
      assert.equal('approval' in results[3]! && results[3].approval.id, first.approval.id);
      assert.equal('approval' in results[6]! && results[6].approval.id, ended.approval.id);
    });

    test('P2: the same call among them, at two replicas, is one approval', async () => {
      const grant = newGrant();
      const same = newApproval({ grant });
      const asked = [...calls(grant, 4), same, ...calls(grant, 3), again(same), again(same), ...calls(grant, 4)];
      const results = await Promise.all(asked.map((one, n) => open(n % 3 ? world.one : world.other, one)));
      const ids = new Set([4, 8, 9].map((n) => 'approval' in results[n]! && results[n].approval.id));
      assert.equal(ids.size, 1);
      assert.equal(results.filter((one) => one.kind === 'joined').length, 2);
      assert.equal((await store.find([...ids][0] as string))!.callers, 3);
    });

    test('P5: there is room for exactly as many as there is room for, the first that came', async () => {
      const rooms = [
        [{ maxPending: 7 }, 'crowded'],
        [{ openings: { max: 7, per: 'minute' } }, 'paced'],
        [{ keptBytes: 7 * 4 + 3 }, 'heavy'],
      ] as const;
      for (const [room, refused] of rooms) {
        const asked = calls(newGrant(), 12);
        const results = await Promise.all(asked.map((one) => open(store, one, newJoiner(), room)));
        assert.deepEqual(
          results.map(({ kind: of }) => of),
          [...Array(7).fill('opened'), ...Array(5).fill(refused)],
        );
      }
    });

    test('P5: of those that come together where there is no room for any each is refused, and what ends makes room for one', async () => {
      const grant = newGrant();
      const first = calls(grant, 3);
      await Promise.all(first.map((one) => open(store, one, newJoiner(), { maxPending: 3 })));
      const counts = async () =>
        Number((await world.rows(`select count(*) as n from holdfast.openings where grant_name = '${grant}'`))[0]!.n);
      const asked = calls(grant, 30);
      const results = await Promise.all(asked.map((one) => open(store, one, newJoiner(), { maxPending: 3 })));
      assert.deepEqual(new Set(results.map((one) => JSON.stringify(one))), new Set(['{"kind":"crowded","pending":3}']));
      assert.equal(await counts(), 3);
      await through(store, (await store.find(first[0]!.approval.id))!, 'denied');
      const later = await Promise.all(calls(grant, 4).map((one) => open(store, one, newJoiner(), { maxPending: 3 })));
      assert.deepEqual(later.map(({ kind: of }) => of).sort(), ['crowded', 'crowded', 'crowded', 'opened']);
    });

    test('P5: where a grant may open nothing for now, one call of many is none the less refused alone', async () => {
      const asked = calls(newGrant(), 6);
      const results = await Promise.all(
        asked.map((one, n) => open(store, one, newJoiner(), n === 3 ? { closed: true } : {})),
      );
      assert.deepEqual(
        results.map(({ kind: of }) => of),
        ['opened', 'opened', 'opened', 'crowded', 'opened', 'opened'],
      );
    });

    test('a long call among them is opened in its turn', async () => {
      const grant = newGrant();
      const asked = calls(grant, 5);
      asked[2] = { ...asked[2]!, request: new Uint8Array(100_000).fill(7) };
      const results = await Promise.all(asked.map((one) => open(store, one)));
      assert.deepEqual(new Set(results.map(({ kind: of }) => of)), new Set(['opened']));
      assert.equal((await store.request(asked[2]!.approval.id))!.byteLength, 100_000);
    });

    // PGlite has no connection that could break: its database is this process.
    if (kind === 'PGlite') return;
    test('P6: where the database goes away, all of them fail at once, and nothing of them is open', async () => {
      const grant = newGrant();
      const asked = calls(grant, 6);
      const lock = `hashtextextended('grant ${grant}', 0)`;
      await world.rows(`select pg_advisory_lock(${lock})`).catch(() => undefined);
      const results = asked.map((one) => open(world.other, one));
      const settled = Promise.allSettled(results);
      // Whoever has the turn is cut off once; those behind it do not try for themselves.
      for (let cut = false; !cut; ) {
        const ended = await world.rows(
          `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted`,
        );
        cut = ended.length > 0;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      for (const result of await settled) {
        assert.ok(result.status === 'rejected' && result.reason instanceof Unavailable);
      }
      await world.rows(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and pid <> pg_backend_pid()",
      );
      for (const { approval } of asked) assert.equal(await world.other.find(approval.id), null);
    });
  });
}
