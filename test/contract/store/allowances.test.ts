import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Allowance, StandingDenial } from '../../../src/domain/allowance/allowance.ts';
import type { Approval, Decision } from '../../../src/domain/approval/approval.ts';
import type { Change, Committed } from '../../../src/ports.ts';
import { sqlAllowances, sqlDenials } from '../../../src/sql/allowances.ts';
import { sqlBeliefs } from '../../../src/sql/sets/beliefs.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import {
  acceptPlan,
  change,
  eventOf,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
  typesOf,
} from '../../support/store/world.ts';

const soon = (ms = 600_000): Date => new Date(Date.now() + ms);
const WITHIN = [{ path: 'args.name', op: 'starts_with', value: 'ci-' }];

for (const kind of STORES) {
  describe(`what is given in advance, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    beforeEach(async () => {
      await world.one.beat('here');
      world.found.length = 0;
      for (const watch of world.watches) watch.forget();
    });
    after(() => world?.close());

    const port = (replica: 0 | 1 = 0) =>
      sqlAllowances(world.db, TEST_SEALS, sqlBeliefs(world.db, TEST_SEALS, world.watches[replica]));
    const denials = () => sqlDenials(world.db, TEST_SEALS, sqlBeliefs(world.db, TEST_SEALS, world.watches[0]));
    const vote = (more: Partial<Decision> = {}): Decision => ({
      approver: 'U0MIRA',
      choice: 'approve',
      reason: null,
      via: 'slack',
      self: false,
      userGroup: null,
      at: new Date(),
      ...more,
    });
    const bounds = (calls: number) => ({ minutes: 15, calls, within: WITHIN, says: ['args.name starts with "ci-"'] });
    const allowanceOf = (approval: Approval, calls: number, more: Partial<Allowance> = {}): Allowance => ({
      id: `al_${randomHex(13)}`,
      approval: approval.id,
      grant: approval.grant,
      server: approval.server,
      tool: approval.tool,
      owner: 'U0SAM',
      token: 'a'.repeat(64),
      policyDigest: 'p',
      mayVary: ['args.name'],
      within: [],
      like: randomHex(32),
      look: null,
      bounds: bounds(calls),
      used: 0,
      at: new Date(),
      until: soon(),
      by: ['U0MIRA'],
      ended: null,
      ...more,
    });
    /** An allowance that was given with a decision. */
    async function given(calls: number, more: Partial<Allowance> = {}): Promise<Allowance> {
      const { approval } = await opened(world.one);
      const allowance = allowanceOf(approval, calls, more);
      const decision = vote({ offers: allowance.bounds });
      const allows = { allowance, event: eventOf('allowance.given', approval) };
      const committed = await world.one.commit(change(approval, 'approved', { decision, allows }));
      assert.equal(committed.kind, 'committed');
      return allowance;
    }
    const use = (approval: Approval, allowance: Allowance, more: Partial<Change> = {}): Change =>
      change(approval, 'approved', {
        votes: [vote({ allowance: allowance.id })],
        believed: approval.seal,
        under: {
          id: allowance.id,
          counts: true,
          now: new Date(),
          events: () => [eventOf('allowance.used', approval)],
        },
        events: [],
        ...more,
      });
    const kinds = (all: readonly Committed[]) => all.map(({ kind }) => kind).sort();

    test('P1: it is given with the decision, used in the transaction that gives the pass, and told with both', async () => {
      const allowance = await given(2);
      assert.deepEqual(await port().find(allowance.id), allowance);
      assert.deepEqual((await port(1).living())?.at(-1), allowance);
      const { approval } = await opened(world.other);
      const used = await world.other.commit(use(approval, allowance));
      assert.ok(used.kind === 'committed' && used.approval.broken === null);
      assert.deepEqual(
        used.approval.decisions.map((one) => [one.approver, one.allowance]),
        [['U0MIRA', allowance.id]],
      );
      const read = await world.one.find(approval.id);
      assert.deepEqual([read?.state, read?.broken, read?.decisions[0]?.allowance], ['approved', null, allowance.id]);
      assert.equal((await port().find(allowance.id))?.used, 1);
      assert.deepEqual(await typesOf(world.one, approval.id), ['approval.requested', 'allowance.used']);
      assert.equal(await port().waits(allowance.id), true);
      const source = await world.one.find(allowance.approval);
      assert.deepEqual(source?.decisions[0]?.offers, allowance.bounds);
      assert.equal(source?.broken, null);
    });

    test('P1: of twenty uses over two replicas at once exactly as many are taken as may be', async () => {
      const allowance = await given(7);
      const calls = await Promise.all(Array.from({ length: 20 }, () => opened(world.one)));
      const all = await Promise.all(
        calls.map(({ approval }, n) => (n % 2 === 0 ? world.one : world.other).commit(use(approval, allowance))),
      );
      assert.equal(all.filter(({ kind }) => kind === 'committed').length, 7);
      assert.deepEqual(new Set(kinds(all)), new Set(['committed', 'outside']));
      assert.equal((await port().find(allowance.id))?.used, 7);
      for (const [n, { approval }] of calls.entries()) {
        const state = (await world.one.find(approval.id))?.state;
        assert.equal(state, all[n]!.kind === 'committed' ? 'approved' : 'pending');
      }
      assert.deepEqual(world.found, []);
    });

    test('P1: uses and a revocation at once: none is taken after it, and no pass is spent under what has ended', async () => {
      const allowance = await given(50);
      const calls = await Promise.all(Array.from({ length: 12 }, () => opened(world.one)));
      const ended = { at: new Date(), why: 'revoked', by: 'admin' } as const;
      let revoked = false;
      const late: boolean[] = [];
      const uses = calls.map(async ({ approval }, n) => {
        const before = revoked;
        const committed = await (n % 2 === 0 ? world.one : world.other).commit(use(approval, allowance));
        late.push(before && committed.kind === 'committed');
        return committed;
      });
      const end = port(1)
        .end(allowance.id, ended, () => eventOf('allowance.ended'))
        .then((how) => {
          revoked = true;
          return how;
        });
      const [how, ...all] = await Promise.all([end, ...uses]);
      assert.equal(how.kind, 'ended');
      assert.ok(!late.includes(true));
      const taken = all.flatMap((one) => (one.kind === 'committed' ? [one.approval] : []));
      assert.equal((await port().find(allowance.id))?.used, taken.length);
      const { approval: next } = await opened(world.one);
      assert.equal((await world.one.commit(use(next, allowance))).kind, 'outside');
      for (const approval of taken) {
        const under = { id: allowance.id, counts: false, now: new Date(), events: () => [] };
        assert.equal((await world.other.commit(change(approval, 'dispatched', { under }))).kind, 'outside');
        assert.equal((await world.one.find(approval.id))?.state, 'approved');
      }
      assert.equal((await port().end(allowance.id, ended, () => eventOf('allowance.ended'))).kind, 'already');
    });

    test('P1: it ends with the yes that is taken back, or with one of its uses, in one transaction and in turn with uses', async () => {
      for (const what of ['the yes', 'a use'] as const) {
        const [allowance, other] = [await given(9), await given(9)];
        const { approval: first } = await opened(world.one);
        const used = await world.one.commit(use(first, allowance));
        assert.ok(used.kind === 'committed');
        const from = what === 'a use' ? used.approval : (await world.one.find(allowance.approval))!;
        const revokes = {
          allowance: what === 'a use' ? allowance.id : null,
          at: new Date(),
          by: 'U0MIRA',
          event: (it: Allowance) => ({ ...eventOf('allowance.ended', from), data: { allowance: it.id } }),
        };
        const calls = await Promise.all(Array.from({ length: 6 }, () => opened(world.one)));
        const taking = world.other.commit(change(from, 'lapsed', { revokes }));
        const [taken, ...all] = await Promise.all([
          taking,
          ...calls.map(({ approval }) => world.one.commit(use(approval, allowance))),
        ]);
        assert.equal(taken.kind, 'committed', what);
        const ended = await port().find(allowance.id);
        assert.deepEqual([ended?.ended?.why, ended?.ended?.by], ['revoked', 'U0MIRA'], what);
        assert.equal(ended?.used, 1 + all.filter(({ kind }) => kind === 'committed').length, what);
        const { approval: late } = await opened(world.one);
        assert.equal((await world.one.commit(use(late, allowance))).kind, 'outside', what);
        assert.equal((await typesOf(world.one, from.id)).filter((type) => type === 'allowance.ended').length, 1, what);
        assert.equal((await port().find(other.id))?.ended, null, 'another one lives');
        assert.equal((await world.one.commit(use(late, other))).kind, 'committed', 'and the set is whole');
        assert.deepEqual(world.found, []);
      }
    });

    test('P2: a pass under it is spent once, and once more only after it came back, without a further use', async () => {
      const allowance = await given(1);
      const { approval } = await opened(world.one);
      const used = await world.one.commit(use(approval, allowance));
      assert.ok(used.kind === 'committed');
      const under = { id: allowance.id, counts: false, now: new Date(), events: () => [] };
      const sent = await world.one.commit(change(used.approval, 'dispatched', { under }));
      assert.ok(sent.kind === 'committed');
      assert.equal((await world.other.commit(change(used.approval, 'dispatched', { under }))).kind, 'conflict');
      const back = await through(world.one, sent.approval, 'approved');
      assert.equal((await world.one.commit(change(back, 'dispatched', { under }))).kind, 'committed');
      assert.equal((await port().find(allowance.id))?.used, 1);
    });

    test('P1: past its time, or for another allowance, nothing is taken', async () => {
      const over = await given(5, { until: soon(-1) });
      const { approval } = await opened(world.one);
      assert.equal((await world.one.commit(use(approval, over))).kind, 'outside');
      const nowhere = allowanceOf(approval, 5);
      assert.equal((await world.one.commit(use(approval, nowhere))).kind, 'outside');
    });

    test('P1: as many live of one grant as may; one more is not given, and its decision is not made', async () => {
      const grant = `grant-${randomHex(4)}`;
      for (let n = 0; n < 20; n += 1) await given(1, { grant });
      const { approval } = await opened(world.one);
      const allowance = allowanceOf(approval, 1, { grant });
      const allows = { allowance, event: eventOf('allowance.given', approval) };
      const decision = vote({ offers: allowance.bounds });
      assert.equal((await world.one.commit(change(approval, 'approved', { decision, allows }))).kind, 'crowded');
      assert.equal((await world.one.find(approval.id))?.state, 'pending');
    });

    test('P1: a list has pages, newest first, and can be of those that live', async () => {
      const [one, two] = [await given(1), await given(1)];
      await port().end(one.id, { at: new Date(), why: 'policy', by: 'holdfast' }, () => eventOf('allowance.ended'));
      const listed = await port().list({ approval: one.approval, limit: 5 });
      assert.deepEqual(
        listed.items.map(({ ended }) => ended?.why),
        ['policy'],
      );
      const living = await port().list({ living: true, limit: 500 });
      assert.ok(living.items.some(({ id }) => id === two.id) && !living.items.some(({ id }) => id === one.id));
      const first = await port().list({ limit: 1 });
      assert.notEqual(first.next, null);
      assert.notEqual((await port().list({ limit: 1, after: first.next! })).items[0]?.id, first.items[0]?.id);
    });

    /** What somebody with the database does so that more runs than was allowed. */
    const WIDENED: Readonly<Record<string, (id: string) => readonly string[]>> = {
      'a use taken back': (id) => [`update holdfast.allowances set used = 0 where id = '${id}'`],
      'more calls': (id) => [
        `update holdfast.allowances set bounds = replace(bounds, '"calls":1', '"calls":9') where id = '${id}'`,
      ],
      'more time': (id) => [`update holdfast.allowances set until = until + interval '1 day' where id = '${id}'`],
      'another grant': (id) => [`update holdfast.allowances set grant_name = 'other' where id = '${id}'`],
      'another likeness': (id) => [`update holdfast.allowances set likeness = 'x' where id = '${id}'`],
      'the row as it was before its use': (id) => [
        `update holdfast.allowances a set used = b.used, seal = b.seal from allowances_before b where a.id = b.id and a.id = '${id}'`,
      ],
      'row and head as they were before its use': (id) => [
        `update holdfast.allowances a set used = b.used, seal = b.seal from allowances_before b where a.id = b.id and a.id = '${id}'`,
        `update holdfast.sealed_sets s set version = b.version, count = b.count, digest = b.digest, seal = b.seal
          from advance_heads_before b where s.name = 'allowances' and b.name = s.name`,
      ],
      'a copy under another id': (id) => [
        `insert into holdfast.allowances select 'al_copy', approval_id, grant_name, server, tool, owner, token_sha256,
          policy_digest, may_vary, within, likeness, look, bounds, 0, at, until, given_by, null, null, null, seal
          from holdfast.allowances where id = '${id}'`,
      ],
    };
    for (const [what, statements] of Object.entries(WIDENED)) {
      test(`P1: nothing runs under an allowance after somebody wrote ${what}`, async () => {
        const allowance = await given(1);
        await world.rows(`create table allowances_before as select * from holdfast.allowances`);
        await world.rows(`create table advance_heads_before as select * from holdfast.sealed_sets`);
        const first = await opened(world.one);
        assert.equal((await world.one.commit(use(first.approval, allowance))).kind, 'committed');
        await port().living();
        await world.rows(`create table allowances_after as select * from holdfast.allowances`);
        await world.rows(`create table heads_after as select * from holdfast.sealed_sets`);
        try {
          for (const statement of statements(allowance.id)) await world.rows(statement);
          const { approval } = await opened(world.one);
          for (const id of [allowance.id, 'al_copy']) {
            assert.equal((await world.one.commit(use(approval, { ...allowance, id }))).kind, 'outside');
          }
          assert.notDeepEqual(world.found, [], 'it is told of');
        } finally {
          await world.rows('delete from holdfast.allowances');
          await world.rows('insert into holdfast.allowances select * from allowances_after');
          await world.rows(`update holdfast.sealed_sets s set version = b.version, count = b.count, digest = b.digest, seal = b.seal
            from heads_after b where s.name = b.name`);
          for (const table of ['allowances_before', 'advance_heads_before', 'allowances_after', 'heads_after']) {
            await world.rows(`drop table ${table}`);
          }
        }
      });
    }

    test('P1: a vote that somebody wrote in, or gave bounds, breaks its approval', async () => {
      const allowance = await given(3);
      const { approval } = await opened(world.one);
      await world.one.commit(use(approval, allowance));
      await world.rows(`update holdfast.decisions set allowance = 'al_other' where approval_id = '${approval.id}'`);
      assert.equal((await world.one.find(approval.id))?.broken, 'decisions');
      await world.rows(
        `update holdfast.decisions set offers = replace(offers, '15', '99') where approval_id = '${allowance.approval}'`,
      );
      assert.equal((await world.one.find(allowance.approval))?.broken, 'decisions');
    });

    test('P1: an accepted store ends every allowance, with an event', async () => {
      const allowance = await given(3);
      await world.one.accept(acceptPlan({ number: 1000 + Math.floor(Math.random() * 1000) }));
      for (const watch of world.watches) watch.forget();
      assert.equal((await port().find(allowance.id))?.ended?.why, 'store');
      assert.deepEqual(await port().living(), []);
      assert.ok((await typesOf(world.one, allowance.approval)).includes('allowance.ended'));
      const { approval } = await opened(world.one);
      assert.equal((await world.one.commit(use(approval, allowance))).kind, 'outside');
    });

    test('P3: a standing denial is given with the decision and ended once', async () => {
      const { approval } = await opened(world.one);
      const denial: StandingDenial = {
        id: `sd_${randomHex(13)}`,
        approval: approval.id,
        grant: approval.grant,
        server: approval.server,
        tool: approval.tool,
        mayVary: [],
        like: approval.fingerprint,
        reason: 'no',
        at: new Date(),
        until: soon(),
        by: 'U0MIRA',
        ended: null,
      };
      const decision = vote({ choice: 'deny', reason: 'no' });
      const denies = { denial, event: eventOf('denial.given', approval) };
      assert.equal((await world.one.commit(change(approval, 'denied', { decision, denies }))).kind, 'committed');
      assert.deepEqual(await denials().living(), [denial]);
      await world.rows(`update holdfast.denials set until = until + interval '1 day'`);
      assert.equal(await denials().living(), null, 'what somebody changed is not told');
      await world.rows(`update holdfast.denials set until = until - interval '1 day'`);
      for (const watch of world.watches) watch.forget();
      const end = { at: new Date(), why: 'revoked', by: 'admin' } as const;
      assert.equal((await denials().end(denial.id, end, () => eventOf('denial.ended'))).kind, 'ended');
      assert.equal((await denials().end(denial.id, end, () => eventOf('denial.ended'))).kind, 'already');
      assert.deepEqual(await denials().living(), []);
    });
  });
}
