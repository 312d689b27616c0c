import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestKey } from '../../src/mcp/protocol/request-key.ts';

test('P1: ids that a server may take for one another have one key', () => {
  const same = [1, 1.0, '1', ' 1', '1 ', '01', '+1', '1.0', '1e0', '0x1', '１', '١', '𝟙', '0_1', '\u00a01'];
  for (const id of same) assert.equal(requestKey(id), '1', JSON.stringify(id));
  assert.deepEqual([requestKey(null), requestKey(0), requestKey(-0), requestKey('')], ['0', '0', '0', '0']);
  assert.equal(requestKey('१२०'), '120');
  const different = ['ask-1', 'ask-2', '2', 'NaN', 'Infinity', 'a 1'].map(requestKey);
  assert.equal(new Set([...different, '1']).size, different.length + 1);
});
