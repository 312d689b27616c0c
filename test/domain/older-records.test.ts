import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { State } from '../../src/domain/approval/approval.ts';
import { watchedStore } from '../../src/gateway/log/seal-watch.ts';
import type { Store } from '../../src/ports.ts';
import { sampleApproval } from '../support/domain/approval.ts';

/** What is read of an approval that the store has in this state, and that a comparison found to be older. */
async function readOlder(state: State, wasSent: boolean): Promise<string | null | undefined> {
  const approval = { ...sampleApproval(), state };
  const store = { find: async () => approval } as unknown as Store;
  const watch = { older: new Set([approval.id]), acceptedEvents: 0, wasSent: () => wasSent };
  const watched = watchedStore({ store, watch } as unknown as Parameters<typeof watchedStore>[0]);
  return (await watched.find(approval.id))?.broken;
}

test('P2: a record that was ended unsent in a store that went back is not believed where its call was sent', async () => {
  for (const state of ['denied', 'expired', 'withdrawn', 'lapsed'] as const) {
    assert.equal(await readOlder(state, true), 'older', state);
    assert.equal(await readOlder(state, false), null, `${state}: nothing was sent`);
  }
  for (const state of ['pending', 'approved'] as const) assert.equal(await readOlder(state, false), 'older', state);
  for (const state of ['succeeded', 'unknown'] as const) assert.equal(await readOlder(state, true), null, state);
});
