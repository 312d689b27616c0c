import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SpentPass } from '../../src/domain/log/witness-entry.ts';
import { acceptStoreAsItIs } from '../../src/gateway/decision/accept-store.ts';
import type { AcceptPlan } from '../../src/ports.ts';

const at = new Date('2026-11-30T12:00:00.000Z');
const passOf = (approval: string, more: Partial<SpentPass> = {}): SpentPass => ({
  ...{ approval, round: 0, revision: 3, at, until: new Date(at.getTime() + 3_600_000), server: 'tools' },
  ...{ tool: 'create_key', grant: 'agent', fingerprint: 'f'.repeat(64), returned: false, ...more },
});

test('P2: a replica that noticed nothing accepts as unknown what a witness knows as sent and the store has as unsent', async () => {
  const rows = [
    { id: 'ap_decided_anew', state: 'approved', revision: 7, stateRevision: 7 },
    { id: 'ap_given_back', state: 'approved', revision: 7, stateRevision: 7 },
    { id: 'ap_over', state: 'succeeded', revision: 7, stateRevision: 7 },
  ];
  const passes = rows.map(({ id }) => passOf(id, { returned: id === 'ap_given_back' }));
  const plans: AcceptPlan[] = [];
  const gateway = {
    alarms: { standing: [] },
    clock: { now: () => at },
    replica: 'b',
    sets: { foreignRows: [], heads: [] },
    store: {
      standings: async (ids: readonly string[]) => rows.filter(({ id }) => ids.includes(id)),
      accept: async (plan: AcceptPlan) => {
        plans.push(plan);
        return {};
      },
    },
    storeWatch: {
      ...{ log: 'log_1', lastNumber: 0, older: [] },
      compare: async () => undefined,
      everything: async () => passes,
    },
  };
  await acceptStoreAsItIs(gateway as never, { actor: 'admin', reason: 'a fail-over', dryRun: true });
  assert.deepEqual(
    plans.map(({ sent }) => sent.map(({ approval }) => approval)),
    [['ap_decided_anew']],
  );
});
