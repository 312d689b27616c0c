import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Take } from '../../../src/domain/policy/limit.ts';
import type { AskedPart, GrantedPart, Store } from '../../../src/ports.ts';
import {
  change,
  eventOf,
  newApproval,
  open,
  randomHex,
  STORES,
  type StoreKind,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

/** A lease that ends by no luck within a test. */
const LONG_MS = 60_000;

for (const kind of STORES) suite(kind);

function suite(kind: StoreKind): void {
  describe(`parts of windows in the store on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());

    const used = async (take: Take): Promise<number> => {
      const rows = await world.rows(
        `select used::float8 as used from holdfast.counters where key like '%${take.counter}%' order by window_start desc`,
      );
      return Number(rows[0]?.used ?? 0);
    };
    const part = async (store: Store, holder: string, take: Take, ask: number, leaseMs = LONG_MS) =>
      (await store.takeParts(holder, leaseMs, [{ id: randomHex(8), take, ask }]))[0]!;

    test('P5: a part counts as used when it is taken, and shrinks to an eighth of what is left, down to nothing', async () => {
      const take = takeOf(100);
      const sizes: number[] = [];
      for (;;) {
        const { size } = await part(world.one, 'a', take, 10);
        if (size === 0) break;
        sizes.push(size);
        assert.equal(
          await used(take),
          sizes.reduce((sum, one) => sum + one, 0),
        );
      }
      assert.deepEqual(sizes, [10, 10, 10, 8, 7, 6, 6, 5, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
      assert.equal(await used(take), 93);
      // What is left is exact.
      for (let left = 7; left > 0; left -= 1) assert.equal((await admit(world.other, take)).kind, 'admitted');
      assert.equal((await admit(world.other, take)).kind, 'full');
      assert.equal((await part(world.other, 'b', { ...take, max: '50' }, 10)).size, 0, 'under a lower maximum');
    });

    test('P5: parts of many holders, exact calls and approved ones at once: never over the maximum, and all of it can be used', async () => {
      const take = takeOf(150);
      const approved = await Promise.all(
        Array.from({ length: 5 }, async () => {
          const opened = await open(world.one, newApproval());
          assert.ok(opened.kind === 'opened');
          return through(world.one, opened.approval, 'approved');
        }),
      );
      const asks = Array.from({ length: 40 }, (_, n) => () => part(n % 2 ? world.one : world.other, `h${n}`, take, 9));
      const calls = Array.from({ length: 60 }, (_, n) => () => admit(n % 2 ? world.one : world.other, take));
      const spends = approved.map((one) => () => world.one.commit(change(one, 'dispatched', { takes: [take] })));
      const [granted, admitted, committed] = await Promise.all([
        Promise.all(asks.map((ask) => ask())),
        Promise.all(calls.map((call) => call())),
        Promise.all(spends.map((spend) => spend())),
      ]);
      const inParts = granted.reduce((sum, { size }) => sum + size, 0);
      const exact =
        admitted.filter(({ kind }) => kind === 'admitted').length +
        committed.filter(({ kind }) => kind === 'committed').length;
      assert.ok(inParts > 0 && exact > 0);
      assert.equal(await used(take), inParts + exact);
      assert.ok(inParts + exact <= 150, `${inParts} + ${exact}`);
      for (let left = 150 - inParts - exact; left > 0; left -= 1)
        assert.equal((await admit(world.one, take)).kind, 'admitted');
      assert.equal((await admit(world.one, take)).kind, 'full');
    });

    test('P5: what is given back is there again, once, whoever else asks and however often', async () => {
      const take = takeOf(1_000);
      const { id, size } = await part(world.one, 'a', take, 20);
      assert.equal(size, 20);
      await world.other.giveBackParts('b', [{ id, left: 20 }]);
      assert.equal(await used(take), 20, 'another process cannot give it back');
      await Promise.all([1, 2, 3].map(() => world.one.giveBackParts('a', [{ id, left: 12 }])));
      assert.equal(await used(take), 8);
      const second = await part(world.one, 'a', take, 5);
      await world.one.giveBackParts('a', [
        { id: second.id, left: 500 },
        { id: 'nothing', left: 500 },
      ]);
      assert.equal(await used(take), 8, 'never more than the part');
    });

    test('P5: a part whose window is over is given back to no other window', async () => {
      const take: Take = { ...takeOf(1_000), window: { seconds: 1 } };
      const first = await part(world.one, 'a', take, 20);
      // Not above zero either where its window ended while the statement ran.
      assert.ok(first.leftMs <= 1_000, `${first.leftMs}`);
      for (;;) {
        const next = await part(world.one, 'a', take, 20);
        if (next.windowStart.getTime() === first.windowStart.getTime()) continue;
        break;
      }
      const before = await used(take);
      await world.one.giveBackParts('a', [{ id: first.id, left: 20 }]);
      assert.equal(await used(take), before);
    });

    test('P5: a lease that has run out is renewed no more, and nobody waits for its part', async () => {
      const take = takeOf(1_000);
      const { id } = await part(world.one, 'a', take, 20, 0);
      assert.deepEqual(await world.one.lookAtParts('a', [id], LONG_MS), [{ id, alive: false, recalled: false }]);
      assert.equal(await world.other.partsOut('b', take), 0);
      assert.equal(await world.other.callBackParts('b', take), 0);
      assert.deepEqual(await world.one.lookAtParts('b', [id], LONG_MS), [], 'nor by another');
      assert.equal(await used(take), 20, 'what it held counts as used');
      const alive = await part(world.one, 'a', take, 20, LONG_MS);
      assert.deepEqual(await world.one.lookAtParts('a', [alive.id, 'gone'], LONG_MS), [
        { id: alive.id, alive: true, recalled: false },
      ]);
    });

    test('P5: parts that are called back are told so, whoever holds them; for a while none is given', async () => {
      const take = takeOf(1_000);
      const [mine, theirs] = [await part(world.one, 'a', take, 20), await part(world.other, 'b', take, 20)];
      const elsewhere = takeOf(1_000);
      const other = await part(world.other, 'b', elsewhere, 20);
      assert.equal(await world.one.callBackParts('a', take), 1);
      assert.equal(await world.one.partsOut('a', take), 1);
      for (const [store, holder, id] of [
        [world.one, 'a', mine.id],
        [world.other, 'b', theirs.id],
      ] as const) {
        assert.deepEqual(await store.lookAtParts(holder, [id], null), [{ id, alive: true, recalled: true }]);
      }
      assert.deepEqual(await world.other.lookAtParts('b', [other.id], null), [
        { id: other.id, alive: true, recalled: false },
      ]);
      await world.other.giveBackParts('b', [{ id: theirs.id, left: 20 }]);
      assert.equal(await world.one.partsOut('a', take), 0);
      assert.equal((await part(world.one, 'a', take, 20)).size, 0, 'not so soon after');
      assert.equal((await part(world.one, 'a', elsewhere, 20)).size, 20);
    });

    test('P5: a part that was being taken while its counter was called back is seen, or not given', async () => {
      for (let round = 0; round < 10; round += 1) {
        const take = takeOf(1_000);
        await part(world.one, 'a', take, 1);
        const [granted, others] = await Promise.all([
          part(world.one, 'a', take, 20),
          world.other.callBackParts('b', take),
        ]);
        assert.ok(others >= 1);
        if (granted.size === 0) continue;
        const [seen] = await world.one.lookAtParts('a', [granted.id], null);
        assert.deepEqual([others, seen!.recalled], [2, true], 'after a call-back none is given');
      }
    });

    test('P5: many counters in one statement, each by its own room', async () => {
      const takes = [takeOf(100), takeOf(10_000), takeOf(100)];
      const asked: AskedPart[] = takes.map((take, n) => ({ id: `${n}_${randomHex(8)}`, take, ask: 1_000 }));
      const granted = await world.one.takeParts('a', LONG_MS, asked);
      const sizeOf = (one: AskedPart) => granted.find(({ id }) => id === one.id)!.size;
      assert.deepEqual(asked.map(sizeOf), [12, 1_000, 12]);
      assert.ok(granted.every(({ windowStart }: GrantedPart) => windowStart instanceof Date));
    });

    test('P5: rows of parts are forgotten an hour after their lease', async () => {
      const take = takeOf(1_000);
      const [old, fresh] = [await part(world.one, 'a', take, 1, -3_700_000), await part(world.one, 'a', take, 1)];
      await world.one.forget(new Date(), new Date());
      const rows = await world.rows(`select id from holdfast.quota_parts where id in ('${old.id}', '${fresh.id}')`);
      assert.deepEqual(rows, [{ id: fresh.id }]);
    });
  });
}

function takeOf(max: number): Take {
  const rest = { max: `${max}`, by: '1', window: { calendar: 'month' } } as const;
  return { server: 's', counter: `p_${randomHex(6)}`, scope: 'grant', scopeValue: 'g', ...rest };
}

function admit(store: Store, take: Take) {
  return store.admit([take], eventOf('call.allowed'));
}
