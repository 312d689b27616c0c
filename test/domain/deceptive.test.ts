import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginning, cut } from '../../src/text/cut.ts';
import { inklessIn, replaceInkless } from '../../src/text/deceptive.ts';
import { plainLine } from '../../src/text/plain-line.ts';

const DECEPTIVE: readonly (readonly [string, string])[] = [
  ['a control', '\u0007'],
  ['a line break', '\n'],
  ['a C1 control', '\u0085'],
  ['a right-to-left override', '\u202e'],
  ['an isolate', '\u2066'],
  ['a zero-width space', '\u200b'],
  ['a joiner outside an emoji', '\u200d'],
  ['a soft hyphen', '\u00ad'],
  ['a tag letter', '\u{e0041}'],
  ['a byte order mark', '\ufeff'],
  ['a variation selector', '\ufe0f'],
  ['a filler letter', '\u3164'],
  ['blank braille', '\u2800'],
  ['a no-break space', '\u00a0'],
  ['an em space', '\u2003'],
  ['a line separator', '\u2028'],
  ['a private letter', '\ue000'],
  ['a noncharacter', '\uffff'],
  ['half a character', '\ud800'],
];

for (const [name, character] of DECEPTIVE) {
  test(`P10: is found and replaced: ${name}`, () => {
    assert.equal(
      replaceInkless(`a${character}b`, () => '?'),
      'a?b',
    );
    assert.deepEqual([...inklessIn(`a${character}b`)], [{ at: 1, character }]);
  });
}

test('P10: the fifth mark on one letter is one too many', () => {
  assert.equal(
    replaceInkless(`e${'\u0301'.repeat(6)}`, () => '?'),
    `e${'\u0301'.repeat(4)}??`,
  );
});

test('P10: a character that is found beside another one is found alone', () => {
  for (let point = 0x80; point < 0x110000; point += point < 0x10000 ? 1 : 17) {
    const character = String.fromCodePoint(point);
    const alone = replaceInkless(character, () => '?');
    // What hides here keeps the text from being taken for a plain one.
    const beside = replaceInkless(`${character}a\u200b`, () => '?');
    if (beside !== `${alone}a?`) assert.fail(`U+${point.toString(16)}: ${alone}, ${beside}`);
  }
});

test('letters, spaces and whole emoji stay', () => {
  for (const text of ['plain', 'größer', 'Ω ≈ 3', '漢字', 'שלום', '👩‍👩‍👧', '🏳️‍🌈', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣', 'e\u0301']) {
    assert.equal(
      replaceInkless(text, () => '?'),
      text,
    );
    assert.deepEqual([...inklessIn(text)], []);
  }
});

test('a foreign text becomes one plain line of at most 200 units', () => {
  assert.equal(plainLine('a\r\n\u202eb\u00a0c'), 'a b c');
  assert.equal(plainLine('x'.repeat(300)), 'x'.repeat(200));
});

test('what is cut never ends in half a character', () => {
  assert.equal(cut('abc', 3), 'abc');
  assert.equal(cut('abcd', 3), 'ab…');
  assert.equal(cut('a🙂bcd', 3), 'a…');
  assert.equal(beginning('a🙂', 2), 'a');
  assert.equal(beginning('a🙂', 3), 'a🙂');
});
