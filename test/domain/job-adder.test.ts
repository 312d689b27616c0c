import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobQueue } from '../../src/queue/backend.ts';
import { JobAdder } from '../../src/queue/job-adder.ts';

interface Added {
  readonly name: string;
  readonly opts: { readonly jobId?: string };
}

/** What would be sent, one line a command. */
function fakeQueue(bulk: () => Promise<void> = async () => undefined) {
  const sent: string[] = [];
  const idsOf = (jobs: readonly Added[]) => jobs.map(({ opts }) => opts.jobId).join(' ');
  const queue = {
    add: async (name: string, _: object, opts: Added['opts']) => void sent.push(`one ${idsOf([{ name, opts }])}`),
    addBulk: async (jobs: readonly Added[]) => {
      sent.push(`all ${idsOf(jobs)}`);
      await bulk();
    },
  };
  return { sent, adder: new JobAdder(queue as unknown as JobQueue<unknown>) };
}
const add = (adder: JobAdder<unknown>, ids: readonly string[]) =>
  Promise.allSettled(ids.map((jobId) => adder.add('card', {}, { jobId })));

describe('jobs that are added', () => {
  test('together go by one command, in the order of their ids; one alone as ever', async () => {
    const { sent, adder } = fakeQueue();
    await add(adder, ['c']);
    await add(adder, ['b', 'a', 'd']);
    assert.deepEqual(sent, ['one c', 'all a b d']);
  });

  test('twice for one approval are added one after the other', async () => {
    const { sent, adder } = fakeQueue();
    await add(adder, ['a', 'b', 'a']);
    assert.deepEqual(sent, ['all a b', 'one a']);
  });

  test('are no more than fifty at once', async () => {
    const { sent, adder } = fakeQueue();
    await add(
      adder,
      Array.from({ length: 120 }, (_, n) => String(1_000 + n)),
    );
    assert.deepEqual(
      sent.map((line) => line.split(' ').length - 1),
      [50, 50, 20],
    );
  });

  test('P4: are added one by one where Redis was told to forget its scripts, and fail where it is away', async () => {
    const forgotten = fakeQueue(() => Promise.reject(new Error('NOSCRIPT No matching script. Please use EVAL.')));
    const ends = await add(forgotten.adder, ['a', 'b']);
    assert.deepEqual(forgotten.sent, ['all a b', 'one a', 'one b']);
    assert.ok(ends.every(({ status }) => status === 'fulfilled'));
    const away = fakeQueue(() => Promise.reject(new Error('Connection is closed.')));
    assert.ok((await add(away.adder, ['a', 'b'])).every(({ status }) => status === 'rejected'));
    assert.deepEqual(away.sent, ['all a b']);
  });
});
