import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstId, newId } from '../../src/gateway/id.ts';

test('ids of one moment are all different, and use each letter at each place; those of a later one sort behind them', () => {
  const [now, later] = [new Date(1_796_000_000_000), new Date(1_796_000_000_001)];
  const ids = Array.from({ length: 5_000 }, () => newId('ap', now));
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^ap_[0-9a-hjkmnp-tv-z]{26}$/);
  for (let place = 13; place < 29; place += 1) assert.equal(new Set(ids.map((id) => id[place])).size, 32);
  const next = newId('ap', later);
  assert.ok(ids.every((id) => id < next && id >= firstId('ap', now)));
});
