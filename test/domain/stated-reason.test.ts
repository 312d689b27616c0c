import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { keptReason, LONGEST_REASON_STATED, withLaterReason } from '../../src/domain/call/stated-reason.ts';
import { visible } from '../../src/text/visible.ts';

describe('the reason that an agent states', () => {
  const table: readonly (readonly [string, string, string])[] = [
    ['a short one', 'the key leaked', 'the key leaked'],
    ['exactly as long as may be', 'x'.repeat(4_000), 'x'.repeat(4_000)],
    ['one character too long', 'x'.repeat(4_001), `${'x'.repeat(4_000)}… (cut, 1 more characters)`],
    ['much too long', 'x'.repeat(5_234), `${'x'.repeat(4_000)}… (cut, 1,234 more characters)`],
    [
      'invisible ones count as their escapes',
      `${'\u200b'.repeat(1_000)}end`,
      `${'\u200b'.repeat(666)}… (cut, 337 more characters)`,
    ],
    ['half an emoji is not kept', `${'x'.repeat(3_999)}😀`, `${'x'.repeat(3_999)}… (cut, 2 more characters)`],
    ['NUL is shown', 'a\0b', 'a\\u0000b'],
    ['a lone surrogate', 'a\ud800b', 'a\ufffdb'],
  ];
  for (const [name, given, kept] of table) test(name, () => assert.equal(keptReason(given), kept));

  test('is never longer than its bound and its mark, however it is made visible', () => {
    for (const unit of ['x', '\u202e', '\u{e0041}', '😀', '\n', 'ש']) {
      assert.ok(visible(keptReason(unit.repeat(9_000))!).length <= LONGEST_REASON_STATED + 40, JSON.stringify(unit));
    }
  });
});

describe('reasons of callers who join', () => {
  const first = { statedReason: 'first', laterReasons: ['second'] };
  test('another one is added', () => assert.deepEqual(withLaterReason(first, 'third'), ['second', 'third']));
  test('none adds nothing', () => assert.equal(withLaterReason(first, null), null));
  test('the first one adds nothing', () => assert.equal(withLaterReason(first, 'first'), null));
  test('one that was said adds nothing', () => assert.equal(withLaterReason(first, 'second'), null));
  test('a long one is cut, and recognised again', () => {
    const long = withLaterReason(first, 'x'.repeat(600))!;
    assert.equal(long[1], `${'x'.repeat(500)}… (cut, 100 more characters)`);
    assert.equal(withLaterReason({ ...first, laterReasons: long }, 'x'.repeat(600)), null);
  });
  test('a sixth is not kept', () =>
    assert.equal(withLaterReason({ statedReason: null, laterReasons: ['1', '2', '3', '4', '5'] }, '6'), null));
});
