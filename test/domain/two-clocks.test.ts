import assert from 'node:assert/strict';
import { test } from 'node:test';
import { earlierOf, laterOf } from '../../src/time/two-clocks.ts';

const NOON = new Date('2026-11-29T12:00:00Z');

for (const [name, aheadMs, earlier, later] of [
  ['one clock', undefined, '12:00', '12:00'],
  ['a database that is an hour behind this machine', 3_600_000, '12:00', '13:00'],
  ['a database that is an hour ahead of this machine', -3_600_000, '11:00', '12:00'],
] as const) {
  test(`P2: with ${name}, what is over is over by both clocks, and is kept by both`, () => {
    const clock = { now: () => NOON, ...(aheadMs === undefined ? {} : { aheadMs }) };
    assert.deepEqual(
      [earlierOf(clock), laterOf(clock)].map((at) => at.toISOString().slice(11, 16)),
      [earlier, later],
    );
  });
}
