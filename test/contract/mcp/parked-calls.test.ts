import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdParkedCall } from '../../../src/gateway/call/seats.ts';
import { ParkedCalls } from '../../../src/gateway/state/parked-calls.ts';
import { sampleApproval } from '../../support/domain/approval.ts';

/** A store that counts how often the parked call is read from it. */
function world() {
  const counted = { reads: 0 };
  const store = {
    request: async () => {
      counted.reads += 1;
      return new Uint8Array([1, 2, 3]);
    },
  };
  const vault = { open: (_purpose: string, _row: string, sealed: Uint8Array) => sealed };
  const parkedCalls = new ParkedCalls();
  return { counted, parkedCalls, gateway: { parkedCalls, store, vault } as never };
}

test('forty callers of one approval share one copy of its call, read once', async () => {
  const { counted, gateway } = world();
  const approval = sampleApproval();
  const copies = new Set<Uint8Array | null>();
  for (let caller = 0; caller < 40; caller += 1) copies.add(await holdParkedCall(gateway, approval, null));
  assert.deepEqual([copies.size, counted.reads], [1, 1]);
});

test('the opener’s own copy is shared, and nothing is read', async () => {
  const { counted, gateway } = world();
  const approval = sampleApproval();
  const own = new Uint8Array([9]);
  assert.equal(await holdParkedCall(gateway, approval, own), own);
  assert.equal(await holdParkedCall(gateway, approval, null), own);
  assert.equal(counted.reads, 0);
});

test('the copy is dropped with its last caller', async () => {
  const { parkedCalls, gateway } = world();
  const approval = sampleApproval();
  await holdParkedCall(gateway, approval, new Uint8Array([9]));
  await holdParkedCall(gateway, approval, null);
  parkedCalls.release(approval.id);
  assert.notEqual(parkedCalls.share(approval.id), null);
  parkedCalls.release(approval.id);
  parkedCalls.release(approval.id);
  assert.equal(parkedCalls.share(approval.id), null);
});

test('nothing is held of a call whose approval is over', async () => {
  const { counted, gateway } = world();
  assert.equal(await holdParkedCall(gateway, sampleApproval({ state: 'denied' }), null), null);
  assert.equal(counted.reads, 0);
});
