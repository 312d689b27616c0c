import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Approval, Decision } from '../../../src/domain/approval/approval.ts';
import type { Change, Committed, GrantRoom } from '../../../src/ports.ts';
import {
  change,
  eventOf,
  newApproval,
  opened,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
  typesOf,
} from '../../support/store/world.ts';

const ROOM: GrantRoom = { maxPending: 5, openings: { max: 100, per: 'minute' }, keptBytes: 1_000_000 };

for (const kind of STORES) {
  describe(`counter-proposals on ${kind}`, { skip: skipStore(kind) }, () => {
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

    const vote = (more: Partial<Decision> = {}): Decision => ({
      ...{ approver: 'U0MIRA', choice: 'approve', reason: null, via: 'slack', self: false, userGroup: null },
      at: new Date(),
      ...more,
    });
    /** A denial with another call. `own`: the proposer's vote reaches the quorum. */
    function denial(
      approval: Approval,
      own = true,
      room = ROOM,
      different: Partial<Approval> = {},
    ): Change & { counter: string } {
      const counterOf = { approval: approval.id, by: 'U0MIRA', via: 'slack', depth: 1, changes: [], more: 0 } as const;
      const request = newApproval({
        grant: approval.grant,
        server: approval.server,
        tool: approval.tool,
        counterOf,
        ...different,
      });
      const { id } = request.approval;
      const fresh = { ...approval, ...request.approval } as Approval;
      const pickupUntil = new Date(Date.now() + 600_000);
      const yes: Change = {
        ...{ id, revision: 1, from: 'pending', to: 'approved', patch: { pickupUntil }, decision: vote() },
        events: [eventOf('approval.decided', fresh)],
      };
      const counters = {
        request,
        event: eventOf('approval.requested', fresh),
        room,
        by: 'U0MIRA',
        vote: own ? yes : null,
      };
      const decision = vote({ choice: 'deny', counter: id });
      return { ...change(approval, 'denied', { decision, counters }), counter: id };
    }
    const pass = (approval: Approval): Change =>
      change(approval, 'dispatched', {
        patch: { leaseUntil: new Date(Date.now() + 30_000), dispatcher: 'here' },
        countered: { approval: approval.counterOf!.approval, fingerprint: approval.fingerprint },
      });
    const find = async (id: string) => (await world.one.find(id))!;
    async function proposed(): Promise<Approval> {
      const { approval } = await opened(world.one);
      const with_ = denial(approval);
      assert.equal((await world.one.commit(with_)).kind, 'committed');
      return find(with_.counter);
    }

    test('P1: the denial and what it opens are one transaction, each with its event and its vote', async () => {
      const { approval } = await opened(world.one);
      const denied = denial(approval);
      assert.equal((await world.one.commit(denied)).kind, 'committed');
      const [old, fresh] = [await find(approval.id), await find(denied.counter)];
      assert.deepEqual([old.state, old.broken, old.decisions[0]?.counter], ['denied', null, denied.counter]);
      assert.deepEqual(
        [fresh.state, fresh.broken, fresh.counterOf?.approval, fresh.revision],
        ['approved', null, approval.id, 2],
      );
      assert.deepEqual(await typesOf(world.one, fresh.id), ['approval.requested', 'approval.decided']);
      const waiting = await opened(world.one);
      const without = denial(waiting.approval, false);
      await world.one.commit(without);
      assert.equal((await find(without.counter)).state, 'pending');
    });

    test('P3: of two denials at once one opens something; where there is no room, or the call waits already, neither happens', async () => {
      const { approval } = await opened(world.one);
      const both = [denial(approval), denial(approval)];
      const ends = await Promise.all(both.map((one, n) => (n === 0 ? world.one : world.other).commit(one)));
      assert.deepEqual(ends.map(({ kind: end }) => end).toSorted(), ['committed', 'conflict']);
      const there = await Promise.all(both.map(({ counter }) => world.one.find(counter)));
      assert.equal(there.filter((one) => one !== null).length, 1);

      const next = await opened(world.one);
      const kindOf = (end: Committed) => (end.kind === 'no_counter' ? end.why.kind : end.kind);
      const crowded = await world.one.commit(denial(next.approval, true, { ...ROOM, maxPending: 0 }));
      assert.equal(kindOf(crowded), 'crowded');
      const same = await opened(world.one, newApproval({ grant: next.approval.grant }));
      const twice = await world.one.commit(
        denial(next.approval, true, ROOM, { fingerprint: same.approval.fingerprint }),
      );
      assert.equal(kindOf(twice), 'waits');
      assert.equal((await find(next.approval.id)).state, 'pending');
    });

    test('P2: where the same call’s outcome is unknown, the proposer’s vote does not count', async () => {
      const ran = await opened(world.one);
      await through(world.one, ran.approval, 'approved', 'dispatched', 'unknown');
      const { approval } = await opened(world.one, newApproval({ grant: ran.approval.grant }));
      const denied = denial(approval, true, ROOM, { fingerprint: ran.approval.fingerprint });
      await world.one.commit(denied);
      const fresh = await find(denied.counter);
      assert.deepEqual([fresh.state, fresh.previousUnknown, fresh.decisions.length], ['pending', ran.approval.id, 0]);
    });

    test('P1: nothing runs by a row that somebody added, changed or deleted', async () => {
      const whole = await proposed();
      const rows = `from holdfast.counter_proposals where id = '${whole.id}'`;
      const [kept] = await world.rows(`select * ${rows}`);
      await world.rows(`update holdfast.counter_proposals set fingerprint = 'x' where id = '${whole.id}'`);
      assert.equal((await world.one.commit(pass(whole))).kind, 'outside');
      await world.rows(
        `update holdfast.counter_proposals set fingerprint = '${String(kept!.fingerprint)}' where id = '${whole.id}'`,
      );
      for (const watch of world.watches) watch.forget();
      await world.rows(`create table holdfast.kept_row as select * ${rows}`);
      await world.rows(`delete ${rows}`);
      assert.equal((await world.one.commit(pass(whole))).kind, 'outside');
      await world.rows('insert into holdfast.counter_proposals select * from holdfast.kept_row');
      await world.rows('drop table holdfast.kept_row');
      for (const watch of world.watches) watch.forget();
      await world.rows(
        `update holdfast.approvals set counter_of = replace(counter_of, 'U0MIRA', 'U0EVE') where id = '${whole.id}'`,
      );
      assert.equal((await find(whole.id)).broken, 'requirement');
      await world.rows(
        `update holdfast.approvals set counter_of = replace(counter_of, 'U0EVE', 'U0MIRA') where id = '${whole.id}'`,
      );
      await world.rows(
        `update holdfast.decisions set counter = 'ap_other' where approval_id = '${whole.counterOf!.approval}'`,
      );
      assert.equal((await find(whole.counterOf!.approval)).broken, 'decisions');
      assert.equal((await world.one.commit(pass(whole))).kind, 'committed', 'as it was left, it runs');
    });

    test('nobody waits for it yet, and the sweep leaves it; it leaves its set when it is over', async () => {
      const whole = await proposed();
      await world.rows(
        `update holdfast.approvals set updated_at = now() - interval '1 minute' where id = '${whole.id}'`,
      );
      const { abandoned } = await world.one.overdue(new Date(), 500);
      assert.ok(!abandoned.some(({ id }) => id === whole.id));
      await world.one.endCounters(new Date());
      const living = `select id from holdfast.counter_proposals where ended_at is null and id = '${whole.id}'`;
      assert.equal((await world.rows(living)).length, 1);
      await world.one.commit(change(whole, 'lapsed'));
      await world.one.endCounters(new Date());
      assert.equal((await world.rows(living)).length, 0);
    });
  });
}
