import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { digestMark } from '../../../src/domain/approval/burst.ts';
import { newApproval, opened, STORES, type StoreWorld, skipStore, storeWorld } from '../../support/store/world.ts';

/** As many approvals as are looked through for the leader of a digest. */
const LOOKED_AT = 500;

for (const kind of STORES) {
  describe(`digests on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());

    test('P4: whatever is opened in between, a call that found its leader is among its members', async () => {
      const { approval: leader } = await opened(world.one, newApproval({ id: 'ap_1' }));
      const card = { approval: leader.id, channel: 'C1', ts: '1.5', revision: 1, digest: '', postedAt: null };
      await world.one.saveCard({ ...card, digest: digestMark({ leader: leader.id, kind: 'grant' }) }, null);
      await world.rows(`insert into holdfast.approvals
        select (jsonb_populate_record(a, jsonb_build_object('id', a.id || lpad(n::text, 4, '0'), 'fingerprint', 'f' || n))).*
        from holdfast.approvals a cross join generate_series(1, ${LOOKED_AT - 1}) n where a.id = '${leader.id}'`);
      const last = await opened(world.one, newApproval({ id: 'ap_2', grant: leader.grant }));
      assert.deepEqual(await world.one.digestLeaders(last.approval, 'grant', 600_000), [leader.id]);
      const mark = digestMark({ leader: leader.id, kind: 'grant' });
      await world.one.saveCard({ ...card, approval: last.approval.id, revision: 0, digest: mark }, null);
      assert.deepEqual(await world.one.namedInDigest(leader, 600_000), [leader.id, last.approval.id]);
    });
  });
}
