import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Circle } from '../../../src/domain/approval/circle.ts';
import type { Beholder, NewApproval, PendingFilter, Store } from '../../../src/ports.ts';
import {
  newApproval,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
} from '../../support/store/world.ts';

const NOBODY: Beholder = { ways: [], person: null, userGroups: [], admin: false };
const ADMIN: Beholder = { ways: ['admin'], person: null, userGroups: [], admin: true };
const MIRA: Beholder = { ways: ['U0MIRA', 'mira@example.com'], person: 'mira', userGroups: ['S0OPS'], admin: false };
/** Milliseconds within which a page of ten thousand is there, on a machine that does other things too. */
const WAIT_MS = 3_000;
const MANY = 10_000;

for (const kind of STORES) {
  describe(`what is pending on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let store: Store;
    before(async () => {
      world = await storeWorld(kind);
      store = world.one;
    });
    beforeEach(() => store.beat('here'));
    after(() => world?.close());

    const requirement = newApproval().approval.requirement;
    const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000);
    const open = async (different: Partial<NewApproval['approval']>) =>
      (await opened(store, newApproval(different))).approval.id;
    const idsOf = async (beholder: Beholder, filter: PendingFilter, limit = 100): Promise<string[]> =>
      (await store.pending(beholder, filter, { limit })).items.map(({ id }) => id);

    test('the soonest to expire comes first, whatever was opened when, and a page at a time', async () => {
      const grant = `grant-${randomHex(4)}`;
      const ids: string[] = [];
      for (const minutes of [30, 5, 20, 5, 90]) ids.push(await open({ grant, expiresAt: inMinutes(minutes) }));
      const expected = [ids[1], ids[3], ids[2], ids[0], ids[4]];
      const seen: string[] = [];
      let after: string | undefined;
      for (;;) {
        const page = await store.pending(NOBODY, { grant }, { limit: 2, after });
        assert.deepEqual([page.matching, page.before], [5, seen.length]);
        seen.push(...page.items.map(({ id }) => id));
        if (page.next === null) break;
        after = page.next;
      }
      assert.deepEqual(seen, expected);
    });

    test('what waits for the person who looks comes first: named, by group, after escalation, and not what is theirs or has their vote', async () => {
      const grant = `grant-${randomHex(4)}`;
      const circle = { people: [], userGroups: [], admin: false };
      const late = { expiresAt: inMinutes(60), grant };
      const other = await open({ grant, expiresAt: inMinutes(1), requirement: { ...requirement, ...circle } });
      const own = await open({
        ...late,
        owner: 'U0MIRA',
        requirement: { ...requirement, ...circle, people: ['U0MIRA'] },
      });
      const named = await open({
        ...late,
        owner: null,
        requirement: { ...requirement, ...circle, people: ['U0MIRA'] },
      });
      const grouped = await open({
        ...late,
        owner: null,
        requirement: { ...requirement, ...circle, userGroups: ['S0OPS'] },
      });
      const escalate = { afterMs: 1_000, groups: ['ops'], ...circle, people: ['mira@example.com'] };
      const createdAt = inMinutes(-1);
      const escalated = await open({
        ...late,
        owner: null,
        createdAt,
        requirement: { ...requirement, ...circle, escalate },
      });
      const later = { ...escalate, afterMs: 3_600_000 };
      const notYet = await open({
        ...late,
        owner: null,
        createdAt,
        requirement: { ...requirement, ...circle, escalate: later },
      });
      const page = await store.pending(MIRA, { grant }, { limit: 10 });
      assert.deepEqual(
        [page.mine, new Set(page.items.slice(0, 3).map(({ id }) => id))],
        [3, new Set([named, grouped, escalated])],
      );
      assert.deepEqual(page.items.slice(3).map(({ id }) => id)[0], other);
      assert.deepEqual(new Set(page.items.slice(3).map(({ id }) => id)), new Set([other, own, notYet]));
      assert.deepEqual(new Set(await idsOf(MIRA, { grant, mine: true })), new Set([named, grouped, escalated]));
      assert.deepEqual(await idsOf(NOBODY, { grant, mine: true }), []);
    });

    test('where groups have places it waits for their people, for who stands in, and later for who may fill any', async () => {
      const grant = `grant-${randomHex(4)}`;
      const circle: Circle = { people: [], userGroups: [], admin: false };
      const mira = { ...circle, people: ['U0MIRA'] };
      const place = (of: Circle) => [{ group: 'security', count: 1, ...of }];
      const standIn = (until: number) => ({
        ...circle,
        people: ['U0DAN'],
        standIns: [{ group: 'security', for: 'U0DAN', by: 'U0MIRA', until: inMinutes(until).toISOString() }],
      });
      const later = { afterMs: 1_000, groups: ['ops'], ...mira };
      const requirements = {
        placed: { ...mira, places: place(mira) },
        'of a group without places': { ...mira, places: place(circle) },
        'stands in': standIn(5),
        'stood in': standIn(-5),
        'stands in for a place': { ...standIn(5), places: place(standIn(5)) },
        'fills any': { ...circle, places: place(circle), escalate: { ...later, anyPlace: mira } },
        'fills none': { ...circle, places: place(circle), escalate: { ...later, anyPlace: circle } },
      };
      const ids = new Map<string, string>();
      for (const [name, different] of Object.entries(requirements)) {
        const more = { grant, owner: null, createdAt: inMinutes(-1), requirement: { ...requirement, ...different } };
        ids.set(await open(more), name);
      }
      const found = (await idsOf(MIRA, { grant, mine: true })).map((id) => ids.get(id));
      assert.deepEqual(found.sort(), ['fills any', 'placed', 'stands in', 'stands in for a place']);
    });

    test('filters by server, tool, agent and risk, and searches what is shown, as text and not as a pattern', async () => {
      const grant = `grant-${randomHex(4)}`;
      const { trace } = newApproval().approval;
      const a = await open({
        grant,
        server: 'billing',
        tool: 'refund_order',
        arguments: { note: '100%_sure "yes"' },
        trace: { ...trace, risk: 'financial' },
      });
      const b = await open({
        grant,
        server: 'files',
        tool: 'write_file',
        arguments: { path: '/srv/Ünïcode' },
        trace: { ...trace, risk: null },
      });
      const found = async (filter: PendingFilter) => idsOf(NOBODY, { grant, ...filter });
      assert.deepEqual(await found({ server: 'billing' }), [a]);
      assert.deepEqual(await found({ tool: 'WRITE' }), [b]);
      assert.deepEqual(await found({ risk: 'financial' }), [a]);
      assert.deepEqual(await found({ risk: 'unstated' }), [b]);
      assert.deepEqual(await found({ text: '100%_sure "y' }), [a]);
      assert.deepEqual(await found({ text: '100_' }), []);
      assert.deepEqual(await found({ text: '/SRV/Ünï' }), [b]);
      assert.deepEqual(await found({ text: b }), [b]);
      assert.deepEqual(await found({ text: '\\' }), []);
      const page = await store.pending(NOBODY, { grant, server: 'billing' }, { limit: 5 });
      assert.ok(page.matching === 1 && page.total >= 2);
    });

    test('earlier approvals of the same call are named, newest first', async () => {
      const fingerprint = randomHex(32);
      const first = await open({ fingerprint, createdAt: inMinutes(-10) });
      await world.rows(`update holdfast.approvals set state = 'denied' where id = '${first}'`);
      const second = await open({ fingerprint, createdAt: inMinutes(-5) });
      await world.rows(`update holdfast.approvals set state = 'expired' where id = '${second}'`);
      const third = await open({ fingerprint });
      const found = await store.earlier([third, first], 5);
      assert.deepEqual(
        found.get(third)?.map(({ id, state }) => [id, state]),
        [
          [second, 'expired'],
          [first, 'denied'],
        ],
      );
      assert.equal(found.get(first), undefined);
    });

    test(`of ${MANY} the soonest to expire is there without a wait, and the counts are true`, async () => {
      const id = await open({ expiresAt: inMinutes(500), requirement: { ...requirement, admin: true } });
      const columns = (
        await world.rows(`select string_agg(quote_ident(column_name), ',') as names from information_schema.columns
        where table_schema = 'holdfast' and table_name = 'approvals' and column_name not in ('id', 'fingerprint', 'expires_at')`)
      )[0]!.names;
      await world.rows(`insert into holdfast.approvals (id, fingerprint, expires_at, ${columns})
        select 'ap_many' || n, 'many' || n, a.expires_at - n * interval '1 second', ${columns}
        from holdfast.approvals a, generate_series(1, ${MANY}) n where a.id = '${id}'`);
      await store.counts();
      const began = performance.now();
      const [page, counts] = [await store.pending(ADMIN, {}, { limit: 25 }), await store.counts()];
      const took = performance.now() - began;
      assert.deepEqual([page.items[0]?.id, page.items.length, page.total], [`ap_many${MANY}`, 25, counts.pending]);
      assert.ok(page.mine > MANY && counts.pending > MANY);
      assert.ok(took < WAIT_MS, `${took} ms`);
    });
  });
}
