import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { MOST_SNOOZES, type Snooze } from '../../../src/domain/approval/snooze.ts';
import type { NewApproval, Snoozes } from '../../../src/ports.ts';
import { sqlSnoozes } from '../../../src/sql/snoozes.ts';
import { SealedTables } from '../../../src/sql/table/sealed-tables.ts';
import { dayBegan } from '../../../src/time/day.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import {
  newApproval,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

const MINUTE = 60_000;
const NOW = new Date('2026-11-30T12:00:00.000Z');
const later = (minutes: number): Date => new Date(NOW.getTime() + minutes * MINUTE);

for (const kind of STORES) {
  describe(`what people put aside, and what was asked before, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let snoozes: Snoozes;
    const told: string[] = [];
    before(async () => {
      world = await storeWorld(kind);
      const readings = { foreign: (table: string, row: string) => void told.push(`${table} ${row}`) };
      snoozes = sqlSnoozes(world.db, new SealedTables(TEST_SEALS, readings as never));
    });
    beforeEach(async () => {
      await world.one.beat('here');
      await world.rows('delete from holdfast.snoozes');
      told.length = 0;
    });
    after(() => world?.close());

    const open = async (different: Partial<NewApproval['approval']> = {}) =>
      (await opened(world.one, newApproval({ server: 's1', ...different }))).approval;
    const snooze = (approval: string, person: string, minutes: number): Snooze => ({
      ...{ approval, person, slack: 'U0MIRA', at: NOW, until: later(minutes) },
    });
    const idsOf = async (person: string, now = NOW) => (await snoozes.of(person, now)).map(({ approval }) => approval);

    test('is one person’s, until then, and while the question is pending', async () => {
      const [one, other] = [await open(), await open()];
      assert.ok(await snoozes.set(snooze(one.id, 'mira', 30), NOW));
      assert.ok(await snoozes.set(snooze(other.id, 'mira', 5), NOW));
      assert.deepEqual(await idsOf('mira'), [other.id, one.id]);
      assert.deepEqual(await idsOf('alex'), []);
      assert.deepEqual(await idsOf('mira', later(5)), [one.id]);
      await through(world.one, one, 'denied');
      assert.deepEqual(await idsOf('mira'), [other.id]);
      assert.equal(await snoozes.end('alex', other.id, NOW), false);
      assert.equal(await snoozes.end('mira', other.id, NOW), true);
      assert.deepEqual(await idsOf('mira'), []);
    });

    test('again is for the new time, and takes no second place', async () => {
      const { id } = await open();
      for (const minutes of [30, 5, 60]) assert.ok(await snoozes.set(snooze(id, 'mira', minutes), NOW));
      const [found, ...rest] = await snoozes.of('mira', NOW);
      assert.deepEqual([found, rest], [snooze(id, 'mira', 60), []]);
    });

    test('is bounded for each person, by what still waits, whatever comes at once', async () => {
      const grant = `grant-${randomHex(4)}`;
      const ids: string[] = [];
      for (let n = 0; n <= MOST_SNOOZES; n++) ids.push((await open({ grant: `${grant}-${n % 10}` })).id);
      const [last, ...others] = ids;
      for (const id of others.slice(1)) assert.ok(await snoozes.set(snooze(id, 'mira', 30), NOW));
      const both = await Promise.all([last!, others[0]!].map((id) => snoozes.set(snooze(id, 'mira', 30), NOW)));
      assert.deepEqual(both.sort(), [false, true]);
      assert.equal((await idsOf('mira')).length, MOST_SNOOZES);
      assert.ok(await snoozes.set(snooze(last!, 'alex', 30), NOW), 'another person has places of their own');
      assert.ok(await snoozes.set({ ...snooze(last!, 'mira', 90), at: later(31) }, later(31)), 'those are over');
    });

    test('its person is told once it is over, until that is done, and five times at most', async () => {
      const { id } = await open();
      await snoozes.set(snooze(id, 'mira', 5), NOW);
      assert.deepEqual(await snoozes.due(later(4), 10), []);
      const both = await Promise.all([snoozes.due(later(5), 10), snoozes.due(later(5), 10)]);
      assert.deepEqual(both.flat(), [snooze(id, 'mira', 5)], 'one of two replicas');
      assert.deepEqual(await snoozes.due(later(5.5), 10), []);
      let tries = 1;
      for (let minute = 6; minute < 20; minute++) tries += (await snoozes.due(later(minute + 0.01), 10)).length;
      assert.equal(tries, 5);
      await snoozes.set(snooze(id, 'mira', 30), NOW);
      assert.equal((await snoozes.due(later(30), 10)).length, 1);
      await snoozes.told('mira', id);
      assert.deepEqual(await snoozes.due(later(40), 10), []);
      await snoozes.set({ ...snooze(id, 'alex', 5), slack: null }, NOW);
      assert.deepEqual(await snoozes.due(later(40), 10), [], 'nobody can be told');
    });

    test('P1: a row that no gateway wrote hides nothing, tells nobody, and is told of', async () => {
      const [one, other] = [await open(), await open()];
      await snoozes.set(snooze(one.id, 'mira', 30), NOW);
      await world.rows(`insert into holdfast.snoozes (approval_id, person, slack, at, until, tell_at, tries, seal)
        select '${other.id}', person, slack, at, until, tell_at, 0, seal from holdfast.snoozes`);
      assert.deepEqual(await idsOf('mira'), [one.id]);
      assert.deepEqual(told, [`snoozes ${other.id.slice(0, 24)}`]);
      assert.deepEqual(await snoozes.due(later(30), 10), [snooze(one.id, 'mira', 30)]);
      await world.rows(`update holdfast.snoozes set person = 'alex' where approval_id = '${one.id}'`);
      assert.deepEqual(await idsOf('alex'), []);
    });

    test('what is over is forgotten, and nothing else', async () => {
      const [decided, over, waits] = [await open(), await open(), await open()];
      await snoozes.set(snooze(decided.id, 'mira', 30), NOW);
      await snoozes.set(snooze(over.id, 'mira', 5), NOW);
      await snoozes.set(snooze(waits.id, 'mira', 30), NOW);
      await through(world.one, decided, 'denied');
      await snoozes.forget(later(66), 100);
      const left = await world.rows('select approval_id from holdfast.snoozes');
      assert.deepEqual(left, [{ approval_id: waits.id }]);
    });

    test('a question that is put aside is left out of its person’s page, and counted in the whole', async () => {
      const grant = `grant-${randomHex(4)}`;
      const [one, other] = [await open({ grant }), await open({ grant })];
      const nobody = { ways: [], person: null, userGroups: [], admin: false };
      const page = await world.one.pending(nobody, { grant, without: [one.id] }, { limit: 10 });
      assert.deepEqual([page.items.map(({ id }) => id), page.matching], [[other.id], 1]);
    });

    test('a call that was given back was not sent, also to the process that gave it back', async () => {
      const by = { grant: `grant-${randomHex(4)}`, server: 's1', tool: 'create_api_key' };
      const before = () => world.one.askedBefore(by, dayBegan(new Date()));
      await through(world.one, await open(by), 'denied');
      assert.deepEqual(await before(), { sent: false, today: true });
      await through(world.one, await open(by), 'approved', 'dispatched', 'approved');
      assert.deepEqual(await before(), { sent: false, today: true });
    });

    test('a call counts as used once it was sent, and as asked unless its agent took it back', async () => {
      const by = { grant: `grant-${randomHex(4)}`, server: 's1', tool: 'create_api_key' };
      const before = () => world.one.askedBefore(by, dayBegan(new Date()));
      assert.deepEqual(await before(), { sent: false, today: false });
      await through(world.one, await open(by), 'withdrawn');
      assert.deepEqual(await before(), { sent: false, today: false });
      await through(world.one, await open(by), 'denied');
      assert.deepEqual(await before(), { sent: false, today: true });
      await through(world.one, await open(by), 'approved', 'dispatched');
      assert.deepEqual(await before(), { sent: true, today: true });
      assert.deepEqual(await world.one.askedBefore({ ...by, tool: 'other' }, new Date(Date.now() + MINUTE)), {
        sent: false,
        today: false,
      });
    });
  });
}
