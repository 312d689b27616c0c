import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Store } from '../../../src/ports.ts';
import {
  eventOf,
  newApproval,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
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

    describe('reading', () => {
      test('lists are newest first, by state, a page at a time', async () => {
        const grant = `grant-${randomHex(4)}`;
        const ids: string[] = [];
        for (const n of [1, 2, 3, 4, 5])
          ids.push((await opened(store, newApproval({ grant, id: `ap_zz${n}${randomHex(4)}` }))).approval.id);
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

      test('one person’s calls are those of their agents then, and of the grants that are theirs today', async () => {
        const [me, grant] = [`U${randomHex(5)}`, `grant-${randomHex(4)}`];
        const then = (await opened(store, newApproval({ owner: me, id: `ap_zy1${randomHex(4)}` }))).approval.id;
        const today = newApproval({ owner: 'U0OTHER', grant: `${grant}/account`, id: `ap_zy2${randomHex(4)}` });
        const { id } = (await opened(store, today)).approval;
        await opened(store, newApproval({ owner: null }));
        await opened(store, newApproval({ owner: `${me}x`, grant: `${grant}x` }));
        const list = async (ids: string[], grants: string[], more: object = {}) =>
          (await store.list({ owned: { ids, grants }, limit: 10, ...more })).items.map((one) => one.id);
        assert.deepEqual(await list([me], [grant]), [id, then]);
        assert.deepEqual(await list([me], []), [then]);
        assert.deepEqual(await list([], []), []);
        assert.deepEqual(await list([me], [grant], { states: ['denied'] }), []);
        const first = await store.list({ owned: { ids: [me], grants: [grant] }, limit: 1 });
        assert.deepEqual(await list([me], [grant], { after: first.next! }), [then]);
      });

      test('P1: a glance is the same without what is shown of the call, and sees a state that no gateway gave', async () => {
        const { approval } = await opened(store, newApproval());
        const {
          arguments: _args,
          sent: _sent,
          hidden: _hidden,
          trace: _trace,
          ...rest
        } = (await store.find(approval.id))!;
        const glanced = async () =>
          (await store.glance({ states: ['pending', 'denied'], limit: 100 })).find(({ id }) => id === approval.id);
        assert.deepEqual(await glanced(), rest);
        await world.rows(`update holdfast.approvals set state = 'denied' where id = '${approval.id}' returning id`);
        assert.equal((await glanced())?.broken, 'state');
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
        while ((await store.seal(50)).chained > 0);
        const rows = await world.rows('select body, seq, hash from holdfast.events order by seq');
        let hash = '0'.repeat(64);
        for (const [index, row] of rows.entries()) {
          hash = createHash('sha256')
            .update(`${hash}\n${index + 1}\n${row.body}`)
            .digest('hex');
          assert.equal(Number(row.seq), index + 1);
          assert.equal(row.hash, hash);
        }
        assert.deepEqual(await store.seal(10), { chained: 0, foreign: [], retired: [] });
      });

      test('P7: what one caller writes one after another is chained in that order', async () => {
        const id = `ap_${randomHex(13)}`;
        while ((await store.seal(500)).chained > 0);
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

      test('P7: a batch is chained as it is written; what was written with a change, by the sealer', async () => {
        while ((await store.seal(500)).chained > 0);
        const places = async (...ids: string[]): Promise<(number | null)[]> =>
          (await Promise.all(ids.map((approval) => store.events({ after: 0, limit: 10, approval }))))
            .flat()
            .map((event) => event.seq);
        const [open, batch] = [`ap_${randomHex(13)}`, `ap_${randomHex(13)}`];
        await store.refund([], eventOf('call.refunded', { id: open }));
        assert.deepEqual(await places(open), [null]);
        await store.append([eventOf('call.allowed', { id: batch }), eventOf('call.allowed', { id: batch })]);
        const [first, second] = await places(batch);
        assert.equal(second, first! + 1);
        assert.deepEqual(await store.seal(10), { chained: 1, foreign: [], retired: [] });
        assert.deepEqual(await places(open), [second! + 1]);
      });

      test('P7: an event is chained whatever its words are: no text can stop the log', async () => {
        while ((await store.seal(500)).chained > 0);
        const [long, next] = [`ap_${randomHex(13)}`, `ap_${randomHex(13)}`];
        const data = { arguments: { text: compounds(160_000) } };
        await store.refund([], { ...eventOf('approval.requested', { id: long }), data });
        await store.append([eventOf('call.denied', { id: next })]);
        await store.seal(500);
        const [asked, denied] = await Promise.all(
          [long, next].map((approval) => store.events({ after: 0, limit: 10, approval })),
        );
        assert.deepEqual(asked![0]!.data, data);
        assert.equal(asked![0]!.seq, denied![0]!.seq! + 1);
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

/** Words that the database's text search splits and also keeps whole: many times more than it can hold of one text. */
function compounds(length: number): string {
  const letters = (from: number): string =>
    String.fromCodePoint(...Array.from({ length: 120 }, (_, n) => 0x20000 + ((from * 7_919 + n * 31) % 40_000)));
  let text = '';
  for (let n = 0; text.length < 2 * length; n += 2) text += `${letters(n)}-${letters(n + 1)} `;
  return text;
}
