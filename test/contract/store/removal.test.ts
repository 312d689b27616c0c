import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Approval, State } from '../../../src/domain/approval/approval.ts';
import { ApprovalRemover, type RemoverParts } from '../../../src/gateway/archive/approval-remover.ts';
import { newId } from '../../../src/gateway/id.ts';
import { quiet } from '../../support/log.ts';
import {
  change,
  newApproval,
  opened,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
} from '../../support/store/world.ts';

const DAY = 86_400_000;
const OLD = new Date(Date.now() - 200 * DAY);

for (const kind of STORES) {
  describe(`approvals that are retained no longer, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());

    /** One that was opened then, and ended at once. */
    async function ended(to: State, at = OLD): Promise<Approval> {
      const expiresAt = new Date(at.getTime() + 600_000);
      const request = newApproval({ id: newId('ap', at), createdAt: at, expiresAt });
      const { approval } = await opened(world.one, request);
      if (to === 'pending') return approval;
      const committed = await world.one.commit(change(approval, to, { patch: { resultUntil: expiresAt } }));
      assert.equal(committed.kind, 'committed');
      await world.rows(
        `update holdfast.approvals set updated_at = '${expiresAt.toISOString()}' where id = '${approval.id}'`,
      );
      return approval;
    }

    const parts = (more: Partial<RemoverParts> = {}): RemoverParts => ({
      clock: { now: () => new Date() },
      log: quiet,
      replica: 'test',
      store: world.one,
      alarms: { why: null },
      rules: { approval: { pickupMs: 3_600_000 }, approvalsRetainMs: 100 * DAY } as never,
      ...more,
    });

    async function removeAll(): Promise<void> {
      const remover = new ApprovalRemover();
      for (let portion = 0; portion < 10; portion += 1) if ((await remover.run(parts())) !== 100) return;
    }

    const there = async ({ id }: Approval): Promise<boolean> =>
      (await world.rows(`select 1 from holdfast.approvals where id = '${id}'`)).length === 1;

    test('those that ended go, with what belongs to them alone, and the event names them', async () => {
      const gone = [await ended('withdrawn'), await ended('denied'), await ended('expired')];
      await removeAll();
      for (const one of gone) assert.equal(await there(one), false);
      const named = await world.rows(`select body::json -> 'data' ->> 'approvals' as ids from holdfast.events
        where type = 'approvals.removed'`);
      assert.deepEqual(JSON.parse(String(named[0]!.ids)), gone.map(({ id }) => id).sort());
      const left = await world.rows(`select 1 from holdfast.joiners where approval_id = '${gone[0]!.id}'`);
      assert.equal(left.length, 0);
      for (const watch of world.watches) await world.one.judgeSets(watch);
      assert.deepEqual(world.found, []);
    });

    test('P4: what still matters stays, and keeps no other from going', async () => {
      const denied = await ended('denied');
      await world.rows(`insert into holdfast.denials
        (id, approval_id, grant_name, server, tool, may_vary, likeness, at, until, given_by)
        values ('sd_1', '${denied.id}', 'g', 's', 't', '[]', 'l', now(), now() + interval '1 day', 'U0MIRA')`);
      const forged = await ended('pending');
      await world.rows(
        `update holdfast.approvals set state = 'withdrawn', updated_at = created_at where id = '${forged.id}'`,
      );
      const stay = [denied, forged, await ended('pending'), await ended('withdrawn', new Date(Date.now() - 50 * DAY))];
      const goes = await ended('withdrawn');
      await removeAll();
      for (const one of stay) assert.equal(await there(one), true, one.id);
      assert.equal(await there(goes), false);
    });

    test('P4: however many stay that no gateway left so, they keep no other from going', async () => {
      // Before all others, and in this order.
      const at = (nth: number) => new Date(OLD.getTime() - 100 * DAY + nth);
      const strange = [await ended('withdrawn', at(0)), await ended('withdrawn', at(1))];
      for (const { id } of strange)
        await world.rows(`update holdfast.approvals set state_seal = null where id = '${id}'`);
      const goes = await ended('withdrawn', at(2));
      const [first] = await world.one.removable('', new Date(Date.now() - 100 * DAY), 2);
      assert.equal(first, goes.id);
      await removeAll();
    });

    test('P4: an unknown outcome stays, whatever asks for its removal', async () => {
      const unknown = await ended('pending');
      await world.rows(
        `update holdfast.approvals set state = 'unknown', updated_at = created_at where id = '${unknown.id}'`,
      );
      const never = (): never => assert.fail('nothing is removed');
      assert.deepEqual(await world.one.remove([unknown.id], new Date(Date.now() - 7 * DAY), never), []);
    });

    test('nothing goes within a week, while an alarm stands, or where nobody asked for it', async () => {
      const kept = await ended('withdrawn');
      await assert.rejects(world.one.remove([kept.id], new Date(Date.now() - DAY), () => assert.fail()));
      const remover = new ApprovalRemover();
      assert.equal(await remover.run(parts({ alarms: { why: 'the store went back' } })), null);
      assert.equal(
        await remover.run(parts({ rules: { approval: { pickupMs: 1 }, approvalsRetainMs: null } as never })),
        null,
      );
      const patient = { approval: { pickupMs: 300 * DAY }, approvalsRetainMs: 100 * DAY } as never;
      assert.equal(await remover.run(parts({ rules: patient })), 60_000, 'a witness may remember it longer');
      assert.equal(await there(kept), true);
    });
  });
}
