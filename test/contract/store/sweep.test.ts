import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Store, Unavailable } from '../../../src/ports.ts';
import { unpackCard } from '../../../src/sql/approval/packed-card.ts';
import { sqlRecords } from '../../../src/sql/records.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import {
  change,
  eventOf,
  newApproval,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
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

    describe('the sweep’s question', () => {
      test('P4: late approvals, parked ones and stale cards are told apart', async () => {
        const past = new Date(Date.now() - 1_000);
        const expired = await opened(store, newApproval({ expiresAt: past }));
        const parked = await opened(store);
        const picked = await opened(store);
        await store.commit(change(picked.approval, 'approved', { patch: { pickupUntil: past } }));
        const leased = await opened(store);
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
        const { approval } = await opened(store);
        await store.saveCard({ ...cardOf(approval.id, 3), digest: 'three' }, eventOf('card.posted', approval));
        await store.saveCard({ ...cardOf(approval.id, 2), digest: 'two', ts: null }, null);
        const card = (await store.card(approval.id))!;
        assert.deepEqual([card.revision, card.digest, card.ts], [3, 'three', '1.2']);
        assert.equal(await store.card('ap_none'), null);
      });

      test('P7: what a card showed is kept with the event that names it, once, and as long as its approval', async () => {
        const { approval } = await opened(store);
        const content = JSON.stringify([{ type: 'header', text: { type: 'plain_text', text: approval.id } }]);
        const digest = createHash('sha256').update(content).digest('hex');
        const kept = async () =>
          (await world.rows(`select packed from holdfast.card_contents where digest = '${digest}'`)).map((row) =>
            unpackCard(row.packed as Uint8Array),
          );
        // When an event cannot be written, the content that it names is not written either.
        const unwritable = { ...eventOf('card.posted', approval), actor: 'a\0b' };
        await assert.rejects(store.saveCard(cardOf(approval.id, 1), unwritable, content), Unavailable);
        assert.deepEqual(await kept(), []);
        await store.saveCard(cardOf(approval.id, 1), eventOf('card.posted', approval), content);
        await store.saveCard(cardOf(approval.id, 1), eventOf('card.updated', approval), content);
        assert.deepEqual(await kept(), [content]);
        const shown = async () => [...(await sqlRecords(world.db, TEST_SEALS).cards([digest])).values()];
        assert.deepEqual(await shown(), [content]);
        // As a release before cards were packed wrote it; and as somebody else might.
        await world.rows(
          `update holdfast.card_contents set packed = null, content = 'as text' where digest = '${digest}'`,
        );
        assert.deepEqual(await shown(), ['as text']);
        await world.rows(`update holdfast.card_contents set packed = '\\x01ff' where digest = '${digest}'`);
        assert.deepEqual(await shown(), []);
        await world.rows(`delete from holdfast.approvals where id = '${approval.id}'`);
        assert.deepEqual(await kept(), []);
      });

      test('P10: of runs that want the same card at once one gets it, until it lets go or its replica is silent', async () => {
        const { approval } = await opened(store);
        const runs = await Promise.all(
          Array.from({ length: 6 }, (_, n) =>
            (n % 2 ? world.one : world.other).claimCard(approval.id, { id: `run-${n}`, replica: 'here', ms: 60_000 }),
          ),
        );
        assert.deepEqual(
          runs.filter((one) => one !== false),
          [{ card: null, revision: 1 }],
        );
        const winner = runs.findIndex((one) => one !== false);
        await store.releaseCard(approval.id, `run-${(winner + 1) % 6}`);
        assert.equal(await store.claimCard(approval.id, { id: 'next', replica: 'here', ms: 60_000 }), false);
        await store.releaseCard(approval.id, `run-${winner}`);
        const next = await store.claimCard(approval.id, { id: 'next', replica: 'dead', ms: 60_000 });
        assert.ok(next !== false && next.card !== null);
        assert.notEqual(await store.claimCard(approval.id, { id: 'heir', replica: 'here', ms: 60_000 }), false);
      });

      test('P4: a claim that nobody renews is over when its time is; one that is renewed is not', async () => {
        const { approval } = await opened(store);
        const claim = (id: string, ms: number) => store.claimCard(approval.id, { id, replica: 'here', ms });
        assert.notEqual(await claim('first', 0), false);
        assert.notEqual(await claim('second', 0), false, 'the first one’s time was over');
        await store.renewCard(approval.id, 'first', 60_000);
        assert.notEqual(await claim('third', 0), false, 'who has it no more cannot renew it');
        await store.renewCard(approval.id, 'third', 60_000);
        assert.equal(await claim('fourth', 0), false);
        await store.releaseCard(approval.id, 'third');
        await store.renewCard(approval.id, 'third', 60_000);
        assert.notEqual(await claim('fifth', 0), false, 'a renewal that comes late takes nothing');
      });

      test('P1: what is open when its grant is revoked is found; what was opened later under the same name is not', async () => {
        const [{ approval }, other] = [await opened(store), await opened(store)];
        const sent = await through(
          store,
          (await opened(store, newApproval({ grant: approval.grant }))).approval,
          'approved',
        );
        const running = await through(
          store,
          (await opened(store, newApproval({ grant: approval.grant }))).approval,
          'approved',
          'dispatched',
        );
        const at = new Date(Date.now() + 5).toISOString();
        await world.rows(`insert into holdfast.revocations (token_sha256, grant_name, at, actor, reason)
          values ('${randomHex(32)}', '${approval.grant}', '${at}', 'test', null)`);
        const createdAt = new Date(Date.now() + 60_000);
        const later = await opened(store, newApproval({ grant: approval.grant, createdAt }));
        const ids = (await store.overdue(new Date(), 10_000)).revoked.map(({ id }) => id);
        assert.deepEqual(new Set(ids), new Set([approval.id, sent.id]));
        for (const one of [other.approval, running, later.approval]) assert.ok(!ids.includes(one.id));
      });

      test('a notice is claimed by one of many, and again once it is released', async () => {
        const notice = randomHex(4);
        const claims = await Promise.all(
          Array.from({ length: 8 }, (_, n) => (n % 2 ? world.one : world.other).claimNotice(notice, 60_000)),
        );
        assert.equal(claims.filter((one) => one).length, 1);
        await store.releaseNotice(notice);
        assert.equal(await store.claimNotice(notice, 60_000), true);
        assert.equal(await store.claimNotice(notice, 60_000), false);
        await world.rows(`update holdfast.notices set until = until + interval '10 years' where notice = '${notice}'`);
        assert.equal(await store.claimNotice(notice, 60_000), true, 'nobody claims it for ten years');
      });
    });
  });
}

function cardOf(approval: string, revision: number) {
  return { approval, channel: 'C1', ts: '1.2', revision, digest: 'd', postedAt: new Date() };
}
