import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobQueue } from '../../src/queue/backend.ts';
import { Pulse } from '../../src/queue/pulse.ts';

/** A queue that keeps the pulse until it is taken, and a clock. */
function still() {
  let now = 1_000_000;
  let job: { timestamp: number } | undefined;
  const queue = {
    getJob: async () => job,
    add: async () => {
      job = { timestamp: now };
      return job;
    },
  } as unknown as JobQueue<unknown>;
  const pulse = new Pulse(() => now);
  return {
    pulse,
    beat: () => pulse.beat(queue),
    after: (ms: number) => {
      now += ms;
    },
    take: () => {
      job = undefined;
    },
  };
}

test('P4: a pulse that nobody takes says for how long', async () => {
  const { pulse, beat, after, take } = still();
  assert.equal(pulse.stillMs, 0);
  for (let beats = 0; beats < 3; beats += 1) {
    await beat();
    after(5_000);
  }
  assert.equal(pulse.stillMs, 15_000);
  take();
  await beat();
  assert.equal(pulse.stillMs, 0, 'the next pulse has not waited yet');
});

test('a pulse that was taken and put in again by another replica is another one', async () => {
  const { pulse, beat, after, take } = still();
  await beat();
  after(9_000);
  take();
  const other = new Pulse(() => 0);
  await other.beat({ getJob: async () => undefined, add: async () => ({ timestamp: 1 }) } as never);
  await pulse.beat({ getJob: async () => ({ timestamp: 7 }) } as never);
  assert.equal(pulse.stillMs, 0);
});

test('a queue whose jobs this process takes does not stand still, however many are due before the pulse', async () => {
  const { pulse, beat, after } = still();
  await beat();
  after(20_000);
  pulse.taken();
  after(400);
  await beat();
  assert.equal(pulse.stillMs, 400);
});
