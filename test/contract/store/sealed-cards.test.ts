import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { CardRecord } from '../../../src/ports.ts';
import { disownRow } from '../../../src/sql/table/sealed-tables.ts';
import {
  eventOf,
  newApproval,
  opened,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
} from '../../support/store/world.ts';

for (const kind of STORES) {
  describe(`what is known of cards on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    beforeEach(async () => {
      await world.one.beat('here');
      world.found.length = 0;
    });
    after(() => world?.close());

    const asked = async () => (await opened(world.one, newApproval({ server: 's1' }))).approval;
    const shows = (revision: number, ts = '1.1') => ({ channel: 'C1', ts, digest: `shows ${revision}`, revision });
    const save = async (approval: Awaited<ReturnType<typeof asked>>, revision: number, ts?: string) => {
      const shown = shows(revision, ts);
      const card: CardRecord = { approval: approval.id, ...shown, postedAt: new Date() };
      const type = revision === 1 ? 'card.posted' : 'card.updated';
      await world.one.saveCard(card, { ...eventOf(type, approval), data: shown });
    };
    const known = async (id: string) => {
      const card = await world.one.card(id);
      assert.deepEqual((await world.other.look(id))?.card, card, 'whoever asks, and however');
      return card === null ? null : { shows: card.digest, ts: card.ts, restored: card.restored ?? false };
    };
    const told = () => world.found.filter(({ name }) => name === 'cards').map(({ why }) => why.replace(/.*\) /, ''));
    const run = { id: 'r1', replica: 'here', ms: 20_000 };

    test('P10: a true row from before is not the last one, and the log says what was shown', async () => {
      const approval = await asked();
      await world.one.claimCard(approval.id, run);
      await world.rows('create table rows_0 as select * from holdfast.cards');
      await save(approval, 1);
      await world.rows('create table rows_1 as select * from holdfast.cards');
      await save(approval, 2);
      assert.deepEqual(await known(approval.id), { shows: 'shows 2', ts: '1.1', restored: false });
      for (const before of ['rows_0', 'rows_1']) {
        world.found.length = 0;
        await world.rows(`delete from holdfast.cards where approval_id = '${approval.id}'`);
        await world.rows(`insert into holdfast.cards select * from ${before} where approval_id = '${approval.id}'`);
        assert.deepEqual(await known(approval.id), { shows: 'shows 2', ts: '1.1', restored: true });
        assert.ok(told().includes('is one of an earlier time'), JSON.stringify(told()));
        await world.rows(`drop table ${before}`);
      }
      // Whoever brings it up to date writes it anew.
      await save(approval, 3);
      assert.deepEqual(await known(approval.id), { shows: 'shows 3', ts: '1.1', restored: false });
    });

    test('P4: a row that is gone is missed, and its message is not posted a second time', async () => {
      const approval = await asked();
      await save(approval, 1, '7.7');
      await world.rows(`delete from holdfast.cards where approval_id = '${approval.id}'`);
      assert.deepEqual(await known(approval.id), { shows: 'shows 1', ts: '7.7', restored: true });
      assert.ok(told().includes('is gone'));
      const claim = await world.one.claimCard(approval.id, run);
      assert.equal(claim === false ? null : claim.card?.ts, '7.7');
    });

    test('P4: one that was never claimed is not missed, and nothing is known of a forged one', async () => {
      const approval = await asked();
      assert.equal(await known(approval.id), null);
      assert.deepEqual(await world.one.claimCard(approval.id, run), { card: null, revision: 1 });
      assert.deepEqual(await known(approval.id), { shows: '', ts: null, restored: false });
      await world.rows(`update holdfast.cards set ts = '9.9', channel = 'C1' where approval_id = '${approval.id}'`);
      assert.deepEqual(await known(approval.id), { shows: '', ts: null, restored: true });
      assert.ok(told().includes('was not written by a gateway'));
    });

    test('P10: events that no gateway wrote say nothing of a card', async () => {
      const approval = await asked();
      await save(approval, 1);
      await world.rows(`insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seal)
        select replace(body, 'shows 1', 'shows another'), type, at, approval_id, server, tool, grant_name, actor, seal
        from holdfast.events where approval_id = '${approval.id}' and type = 'card.posted'`);
      assert.deepEqual(await known(approval.id), { shows: 'shows 1', ts: '1.1', restored: false });
      await world.rows(`delete from holdfast.cards where approval_id = '${approval.id}'`);
      assert.deepEqual(await known(approval.id), { shows: 'shows 1', ts: '1.1', restored: true });
    });

    test('P4: the sweep finds live calls whose card is not what a gateway left, whatever is said to be shown', async () => {
      const [whole, changed, gone, older] = [await asked(), await asked(), await asked(), await asked()];
      for (const approval of [whole, changed, gone, older]) await save(approval, 1);
      await world.rows(`update holdfast.cards set revision = 1000 where approval_id = '${changed.id}'`);
      await world.rows(`delete from holdfast.cards where approval_id = '${gone.id}'`);
      await world.rows(`update holdfast.approvals set revision = 2 where id = '${older.id}'`);
      await world.rows('update holdfast.approvals set shown = 1000');
      const { stale } = await world.one.overdue(new Date(), 500);
      const all = [whole, changed, gone, older].map(({ id }) => stale.includes(id));
      assert.deepEqual(all, [false, true, true, true]);
    });

    test('P4: callers are told of a card that nobody can have seen, and of no refusal that a gateway did not write', async () => {
      const [posted, claimed, forged] = [await asked(), await asked(), await asked()];
      for (const approval of [posted, forged]) await save(approval, 1);
      await world.one.claimCard(claimed.id, run);
      await world.rows(`update holdfast.cards set refused = 'send money' where approval_id = '${forged.id}'`);
      const ids = [posted, claimed, forged].map(({ id }) => id);
      const unposted = await world.one.unposted(ids, new Date(Date.now() + 1_000));
      assert.deepEqual(
        ids.map((id) => (unposted.has(id) ? unposted.get(id) : 'posted')),
        ['posted', null, null],
      );
      assert.equal(await world.one.refuseCard(claimed.id, 'not_in_channel', eventOf('card.failed', claimed)), true);
      assert.equal(await world.one.refuseCard(claimed.id, 'not_in_channel', eventOf('card.failed', claimed)), false);
      assert.deepEqual(await world.one.unposted([claimed.id], new Date(0)), new Map([[claimed.id, 'not_in_channel']]));
    });

    test('once an operator has accepted it, what was told of a card is not told again', async () => {
      const [gone, older, forged] = [await asked(), await asked(), await asked()];
      for (const approval of [gone, older, forged]) await save(approval, 1);
      await world.rows('create table rows_1 as select * from holdfast.cards');
      await save(older, 2);
      await world.rows(`delete from holdfast.cards where approval_id in ('${gone.id}', '${older.id}')`);
      await world.rows(`insert into holdfast.cards select * from rows_1 where approval_id = '${older.id}'`);
      await world.rows('drop table rows_1');
      await world.rows(`update holdfast.cards set ts = '9.9' where approval_id = '${forged.id}'`);
      for (const { id } of [gone, older, forged]) await known(id);
      const rows = new Set(world.found.flatMap(({ name, row }) => (name === 'cards' && row !== null ? [row] : [])));
      assert.equal(rows.size, 3);
      for (const row of rows) await disownRow(world.db, 'cards', row);
      world.found.length = 0;
      assert.deepEqual(await Promise.all([gone, older, forged].map(async ({ id }) => (await known(id))?.shows)), [
        'shows 1',
        'shows 2',
        'shows 1',
      ]);
      assert.deepEqual(told(), []);
    });

    test('P4: a claim that lasts longer than any run does keeps nobody out', async () => {
      const approval = await asked();
      await world.one.claimCard(approval.id, run);
      assert.equal(await world.one.claimCard(approval.id, { ...run, id: 'r2' }), false);
      await world.rows(`update holdfast.cards set run_until = 'infinity' where approval_id = '${approval.id}'`);
      assert.notEqual(await world.one.claimCard(approval.id, { ...run, id: 'r3' }), false);
    });
  });
}
