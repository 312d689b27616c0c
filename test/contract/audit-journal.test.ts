import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewEvent } from '../../src/domain/event.ts';
import { Journal } from '../../src/gateway/journal.ts';
import { event } from '../support/audit-world.ts';
import { quiet } from '../support/door-world.ts';

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
