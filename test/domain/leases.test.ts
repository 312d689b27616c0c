import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Leases } from '../../src/gateway/state/leases.ts';
import type { Log } from '../../src/ports.ts';
import { sampleApproval } from '../support/domain/approval.ts';

test('P2: a renewal in the middle of which the process stood still is no renewal to who asks afterwards', async () => {
  let now = 1_000_000;
  const asked: { readonly until: number; readonly answer: PromiseWithResolvers<void> }[] = [];
  const store = {
    renew: (_: ReadonlyMap<string, string>, until: Date) => {
      const answer = Promise.withResolvers<void>();
      asked.push({ until: until.getTime(), answer });
      return answer.promise;
    },
  };
  const leases = new Leases(store, { now: () => new Date(now) }, {} as Log);
  const approval = sampleApproval({ state: 'dispatched' });
  leases.add({ approval, by: 'one' });
  const before = leases.renewNow();
  assert.equal(leases.renewNow(), before, 'asked for again it is the same');
  now += leases.ms * 2;
  const after = leases.renewNow();
  assert.deepEqual(
    asked.map(({ until }) => until),
    [1_000_000 + leases.ms, now + leases.ms],
    'the first one would extend it until an instant that has passed',
  );
  assert.equal(leases.renewNow(), after);
  for (const { answer } of asked.toReversed()) answer.resolve();
  await Promise.all([before, after]);
  assert.equal(leases.needsRenewal(approval.id), false);
  leases.stop();
});
