import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { looseState } from '../../src/domain/call/loose-state.ts';

const BYTES = createHmac('sha256', 'key').update('what is signed').digest();
const B64 = BYTES.toString('base64');
const HEX = BYTES.toString('hex');

/** The same bytes to `Buffer.from(…, 'base64')`, which skips what it does not know. */
const SPELLINGS: readonly (readonly [string, string])[] = [
  ['without padding', B64.replaceAll('=', '')],
  ['with more padding', `${B64}==`],
  ['in the other alphabet', BYTES.toString('base64url')],
  ['with blanks and line breaks', `${B64.slice(0, 5)} \r\n${B64.slice(5)}`],
  ['with what decoders skip', `${B64.slice(0, 6)}!.${B64.slice(6)}`],
  [
    'with other unused bits',
    `${B64.slice(0, 42)}${'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.indexOf(B64[42]!) | 3]}`,
  ],
];

describe('P1: Spellings of one state', () => {
  for (const [how, spelt] of SPELLINGS) {
    test(`base64 ${how}`, () => {
      assert.notEqual(spelt, B64);
      assert.deepEqual(Buffer.from(spelt, 'base64'), BYTES, 'a server reads the same');
      assert.equal(looseState(spelt), looseState(B64));
    });
  }

  test('hex in another case, percent-encoding once and twice, fullwidth letters', () => {
    assert.equal(looseState(HEX.toUpperCase()), looseState(HEX));
    assert.equal(looseState(encodeURIComponent(B64)), looseState(B64));
    assert.equal(looseState(encodeURIComponent(encodeURIComponent(B64))), looseState(B64));
    assert.equal(looseState('ｔheirs'), looseState('theirs'));
  });

  test('different states stay different', () => {
    const all = ['a', 'b', 'step-1', 'step-2', '', '?', '!', '确认', '取消', '%', HEX, B64, HEX.slice(1), B64.slice(1)];
    const numbered = Array.from({ length: 100 }, (_, n) => `000000000000${n}`.padStart(20, '0'));
    const random = Array.from({ length: 100 }, (_, n) => createHmac('sha256', 'key').update(`${n}`).digest('base64'));
    const keys = [...all, ...numbered, ...random].map(looseState);
    assert.equal(new Set(keys).size, keys.length);
  });

  test('a long one takes no longer than its length', () => {
    const long = '%25'.repeat(500_000);
    const begun = performance.now();
    looseState(long);
    assert.ok(performance.now() - begun < 1_000);
  });
});
