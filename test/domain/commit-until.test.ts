import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Approval } from '../../src/domain/approval/approval.ts';
import { changeApproval } from '../../src/gateway/commit-until.ts';
import { type Change, type Committed, Unavailable } from '../../src/ports.ts';
import { sampleApproval } from '../support/domain/approval.ts';

/** A store in which a change is in the way of others so many times; `held`: what became of it. */
async function changedAfter(conflicts: number): Promise<{ commits: number; held: unknown }> {
  const approval = sampleApproval();
  let commits = 0;
  const commit = async (change: Change): Promise<Committed> => {
    commits += 1;
    const changed: Approval = { ...approval, state: change.to };
    return commits > conflicts ? { kind: 'committed', approval: changed, taken: [] } : { kind: 'conflict' };
  };
  const change = { id: approval.id, revision: 1, from: 'pending', to: 'expired', events: [] } as const;
  let held: unknown = null;
  const ended = changeApproval({ find: async () => approval, commit }, approval.id, () => change).then(
    ({ kind }) => {
      held = kind;
    },
    (error: unknown) => {
      held = error;
    },
  );
  // Pauses cost no time here.
  while (held === null) {
    await new Promise((resolve) => setImmediate(resolve));
    mock.timers.tick(1_000);
  }
  await ended;
  return { commits, held };
}

test('P6: a change that is overtaken is tried again, with pauses, and given up in the end with a clear error', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  assert.deepEqual(await changedAfter(3), { commits: 4, held: 'committed' });
  assert.deepEqual(await changedAfter(49), { commits: 50, held: 'committed' });
  const { commits, held } = await changedAfter(Number.POSITIVE_INFINITY);
  assert.equal(commits, 50);
  assert.ok(held instanceof Unavailable && held.part === 'store', String(held));
  assert.match(held.message, /could not be changed: 50 times/);
});
