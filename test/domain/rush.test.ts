import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Rush } from '../../src/slack/wire/rush.ts';

test('without a click no card waits', () => {
  assert.equal(new Rush().calm(), undefined);
});

test('cards wait while clicks are taken, and then go one at a time, giving way again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const rush = new Rush();
  const shown: number[] = [];
  const first = rush.click();
  const second = rush.click();
  for (const n of [1, 2, 3]) void rush.calm()?.then(() => shown.push(n));
  first();
  first();
  await turn();
  await turn();
  assert.deepEqual(shown, [], 'the second is still being taken');
  second();
  await turn();
  const third = rush.click();
  await turn();
  await turn();
  assert.deepEqual(shown, [1], 'one went on, and the others wait for the third');
  third();
  for (let n = 0; n < 5; n += 1) await turn();
  assert.deepEqual(shown, [1, 2, 3]);
  assert.equal(rush.calm(), undefined);
});

test('P4: a card waits a second at most, however many clicks come', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const rush = new Rush();
  rush.click();
  let gone = 0;
  for (let n = 0; n < 3; n += 1) void rush.calm()?.then(() => (gone += 1));
  t.mock.timers.tick(999);
  await turn();
  assert.equal(gone, 0);
  t.mock.timers.tick(1);
  await turn();
  assert.equal(gone, 3);
});
