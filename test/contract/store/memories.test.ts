import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Memories, Memory } from '../../../src/ports.ts';
import { sqlMemories } from '../../../src/sql/memories.ts';
import { SealedTables } from '../../../src/sql/table/sealed-tables.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { STORES, type StoreKind, type StoreWorld, skipStore, storeWorld } from '../../support/store/world.ts';

for (const kind of STORES) suite(kind);

function suite(kind: StoreKind): void {
  describe(`what is remembered of calls, in ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let memories: Memories;
    const told: string[] = [];
    before(async () => {
      world = await storeWorld(kind);
      const readings = { foreign: (table: string, row: string) => void told.push(`${table} ${row}`) };
      memories = sqlMemories(world.db, new SealedTables(TEST_SEALS, readings as never));
    });
    after(() => world.close());
    beforeEach(async () => {
      told.length = 0;
      await world.rows('delete from holdfast.memories');
    });

    const memory = (place: string, ref: string, agoMs = 0): Memory => {
      const at = new Date(Date.now() - agoMs);
      return { place, ref, at, until: new Date(at.getTime() + 3_600_000) };
    };
    const refs = async (place: string) => {
      const found = (await memories.read([place])).found.get(place) ?? [];
      return found === 'broken' ? found : found.map(({ ref }) => ref);
    };

    test('is found by its place only, the latest first, with the database’s time', async () => {
      await memories.remember([memory('a', 'one', 2_000), memory('b', 'one')]);
      await memories.remember([memory('a', 'two')]);
      assert.deepEqual(await refs('a'), ['two', 'one']);
      assert.deepEqual(await refs('b'), ['one']);
      assert.deepEqual(await refs('c'), []);
      const { now, found } = await memories.read(['a', 'b', 'c']);
      assert.deepEqual([...found.keys()].sort(), ['a', 'b']);
      assert.ok(Math.abs(now.getTime() - Date.now()) < 60_000);
    });

    test('gets the new time where it is remembered already', async () => {
      await memories.remember([memory('a', 'one', 9_000)]);
      await memories.remember([memory('a', 'two', 5_000)]);
      await memories.remember([memory('a', 'one')]);
      assert.deepEqual(await refs('a'), ['one', 'two']);
    });

    test('keeps the latest of a place, whatever an agent does', async () => {
      for (let n = 0; n < 30; n += 1) await memories.remember([memory('a', `r${n}`, 30_000 - n * 1_000)]);
      assert.deepEqual((await refs('a')).slice(0, 3), ['r29', 'r28', 'r27']);
      const [{ count }] = (await world.rows('select count(*)::int as count from holdfast.memories')) as [
        { count: number },
      ];
      assert.ok(count <= 8, `${count}`);
    });

    test('P1: many at once lose none of the latest, and wait for nobody', async () => {
      const all = Array.from({ length: 40 }, (_, n) => memories.remember([memory('b', `r${n}`), memory('a', `r${n}`)]));
      await Promise.all(all);
      assert.equal((await refs('a')).length > 0, true);
      await memories.remember([memory('a', 'last')]);
      assert.equal((await refs('a'))[0], 'last');
    });

    test('P1: what is later than the database’s clock is not taken', async () => {
      await assert.rejects(memories.remember([memory('a', 'one', -3_600_000)]), /took 0 of 1/);
      assert.deepEqual(await refs('a'), []);
    });

    test('P1: a row that no gateway wrote makes its place one that cannot be believed, and is told', async () => {
      const changes = {
        'another time': `update holdfast.memories set at = at - interval '1 minute'`,
        'a longer time': `update holdfast.memories set until = until + interval '1 day'`,
        'another call': `update holdfast.memories set ref = 'two'`,
        'another place': `update holdfast.memories set place = 'b'`,
        'one of its own': `insert into holdfast.memories values ('a', 'own', now(), now() + interval '1 hour', 'x')`,
      };
      for (const [what, change] of Object.entries(changes)) {
        await world.rows('delete from holdfast.memories');
        await memories.remember([memory('a', 'one')]);
        told.length = 0;
        await world.rows(change);
        assert.equal(await refs(what === 'another place' ? 'b' : 'a'), 'broken', what);
        assert.equal(told.length, 1, what);
      }
    });

    test('P1: a row without a seal is not believed either', async () => {
      await world.rows(`insert into holdfast.memories values ('a', 'own', now(), now() + interval '1 hour', null)`);
      assert.equal(await refs('a'), 'broken');
    });

    test('is forgotten when nobody can ask for it any more', async () => {
      const old = memory('a', 'old', 7_200_000);
      await memories.remember([old, memory('a', 'new')]);
      await memories.forget(100);
      assert.deepEqual(await refs('a'), ['new']);
    });
  });
}
