import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewEvent } from '../../../src/domain/log/event.ts';
import { Journal } from '../../../src/gateway/log/journal.ts';
import { event } from '../../support/audit/world.ts';
import { quiet } from '../../support/log.ts';
import { until } from '../../support/wait.ts';

test('P7: what waited out an outage is written in order, no write larger than a statement can hold', async () => {
  const written: NewEvent[] = [];
  let down = true;
  let largest = 0;
  const journal = new Journal(
    {
      append: async (events) => {
        if (down) throw new Error('gone');
        largest = Math.max(largest, events.length);
        written.push(...events);
      },
    },
    quiet,
  );
  for (let n = 0; n < 10_500; n += 1) journal.note(event(`${n}`));
  assert.equal(journal.writable, false);
  await assert.rejects(journal.flush());
  down = false;
  await journal.flush();
  assert.equal(journal.writable, true);
  assert.equal(journal.waiting, 0);
  assert.equal(journal.dropped, 500);
  assert.deepEqual(
    written.map((one) => one.data.what),
    Array.from({ length: 10_000 }, (_, n) => `${n}`),
  );
  assert.ok(largest * 8 < 65_535, `${largest} at once`);
  await journal.close();
});

test('P7: an event is made when it is written; one that cannot be made is counted and takes no other along', async () => {
  const written: NewEvent[] = [];
  const journal = new Journal({ append: async (events) => void written.push(...events) }, quiet);
  let made = 0;
  journal.note(() => {
    made += 1;
    return event('later');
  });
  journal.note(() => {
    throw new Error('no canonical form');
  });
  journal.note(event('now'));
  assert.equal(made, 0);
  await journal.flush();
  assert.deepEqual([made, written.map((one) => one.data.what), journal.dropped], [1, ['later', 'now'], 1]);
  assert.equal(journal.writable, true);
  await journal.close();
});

test('P7: a slow log holds calls up and lets them go when it has written, a log that fails refuses them', async () => {
  for (const ends of ['writes', 'fails'] as const) {
    const write = Promise.withResolvers<void>();
    const journal = new Journal({ append: () => write.promise }, quiet);
    journal.note(event('slow'));
    await until('it has taken long', () => !journal.writable);
    const calls = [journal.recovered(), journal.recovered()];
    let answered = false;
    void calls[0]!.finally(() => {
      answered = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(answered, false, 'while it is not known');
    if (ends === 'writes') write.resolve();
    else write.reject(new Error('gone'));
    assert.deepEqual(await Promise.all(calls), [ends === 'writes', ends === 'writes']);
    assert.equal(await journal.recovered(), ends === 'writes', 'then at once');
    await journal.close();
  }
});
