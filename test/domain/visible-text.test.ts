import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isLong, prettyJson } from '../../src/web/html/json-block.ts';
import { visibleInTurns, visibleText } from '../../src/web/html/visible-text.ts';

/** What could be torn: an emoji of many code points, half pairs, marks upon marks, direction, invisible characters. */
const AWKWARD = [
  '👩‍👩‍👧‍👦',
  '1️⃣',
  '\ud83d',
  '\udc4d',
  'a\u0301\u0301\u0301\u0301\u0301\u0301',
  '\u202e',
  '\u200b',
  '\u3000',
  '<b>&',
  '\n',
];

describe('A long text on a page', () => {
  it('is the same in pieces as in one', async () => {
    const part = fc.oneof(
      fc.constantFrom(...AWKWARD),
      fc.tuple(fc.constantFrom('x', 'ж', '7', '👍', ' '), fc.nat(30_000)).map(([one, times]) => one.repeat(times)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 3, maxLength: 12 }), async (parts) => {
        const text = parts.join('');
        assert.equal(String(await visibleInTurns(text)), String(await visibleText(text)));
      }),
      { numRuns: 12 },
    );
  });

  it('is not torn where a piece would end within what belongs together', async () => {
    for (const awkward of AWKWARD.filter((one) => one.length > 1)) {
      for (let into = 1; into < awkward.length; into += 1) {
        const text = `${'x'.repeat(64 * 1024 - into)}${awkward}${'y'.repeat(70_000)}`;
        assert.equal(String(await visibleInTurns(text)), String(await visibleText(text)), JSON.stringify(awkward));
      }
    }
  });

  it('is known by what it holds, without being written', () => {
    const long = [
      'x'.repeat(120_000),
      Array.from({ length: 30_000 }, () => 1),
      { deep: { ['n'.repeat(120_000)]: 1 } },
      Array.from({ length: 4_000 }, () => ({ name: 'twelve chars' })),
    ];
    for (const value of long) assert.equal(isLong(value), true);
    for (const value of ['', null, {}, [], { a: 'x'.repeat(90_000) }, Array.from({ length: 5_000 }, () => 1)])
      assert.equal(isLong(value), false);
    // What is written in colours is never much longer than the bound, whatever it looks like.
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const json = value as Parameters<typeof isLong>[0];
        if (prettyJson(json).length < 10_000) assert.equal(isLong(json), false);
      }),
    );
  });
});
