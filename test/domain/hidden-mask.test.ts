import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HiddenMask } from '../../src/domain/call/hidden-mask.ts';
import { redactCall, redacting } from '../../src/domain/call/redact-call.ts';
import { NOTHING_MORE } from '../../src/domain/call/sent.ts';
import { DEFAULT_REDACTION } from '../../src/domain/json/redact.ts';
import { ended } from '../../src/text/ended.ts';
import { WordFinder } from '../../src/text/find-words.ts';

const shownOf = (args: Parameters<typeof redactCall>[0]['args']) => {
  const { arguments: shown, hidden } = redactCall({ args, sent: NOTHING_MORE }, DEFAULT_REDACTION);
  return [JSON.parse(JSON.stringify(shown)), hidden.byValue ?? 0];
};
const SECRET = 'Zebra hunter2';

describe('P8: what is hidden is hidden wherever it is repeated', () => {
  test('finds what a reader of every place would find', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 40 });
    const words = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 5 }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(letters, words, (text, all) => {
        const inside = Array.from(text, () => false);
        for (const word of all) {
          for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
            inside.fill(true, at, at + word.length);
        }
        const found = ended(WordFinder.of(all.map((word) => ({ text: word, begins: false })))).find(text);
        const covered = Array.from(text, (_, at) => found.some(({ start, end }) => at >= start && at < end));
        assert.deepEqual(covered, inside);
      }),
    );
  });

  const cases: readonly [string, object, object, number][] = [
    ['within a text', { t: `it is ${SECRET}.` }, { t: 'it is [redacted].' }, 1],
    ['as a whole', { t: SECRET }, { t: '[redacted]' }, 1],
    ['twice in one text', { t: `${SECRET}${SECRET} ${SECRET}` }, { t: '[redacted] [redacted]' }, 1],
    ['as a name', { [SECRET]: 1, [`${SECRET}2`]: 2 }, { '[redacted]': 1, '[redacted]2': 2 }, 2],
    [
      'as names that would be one',
      { [encodeURIComponent(SECRET)]: 1, [SECRET]: 2 },
      { '[redacted]': 1, '[redacted] (2)': 2 },
      2,
    ],
    ['without the blanks around it', { t: 'Zebra hunter2' }, { t: '[redacted]' }, 1],
    [
      'in letters of another case',
      { t: `it is ${SECRET.toUpperCase()}.`, ZEBRA: 1 },
      { t: 'it is [redacted].', ZEBRA: 1 },
      1,
    ],
    ['not a part of it', { t: 'Zebra hunter' }, { t: 'Zebra hunter' }, 0],
    ['beside a mark that the agent wrote', { t: `[redacted] ${SECRET}` }, { t: '"[redacted]" [redacted]' }, 1],
  ];
  for (const [what, given, shown, count] of cases) {
    test(what, () => {
      assert.deepEqual(shownOf({ password: SECRET, ...given }), [{ password: '[redacted]', ...shown }, count]);
    });
  }

  test('of either case in letters of other scripts, and as a whole', () => {
    const given = { password: 'Пароль-Ünal', t: 'ПАРОЛЬ-ÜNAL!', u: 'пароль-ünal' };
    assert.deepEqual(shownOf(given), [{ password: '[redacted]', t: '[redacted]!', u: '[redacted]' }, 2]);
    const many = Array.from({ length: 3_000 }, (_, n) => `Secret-Number-${String(n).padStart(20, '0')}`);
    const [shown] = shownOf({ passwords: many, t: many.map((text) => text.toUpperCase()) });
    assert.deepEqual(
      (shown as { t: string[] }).t,
      many.map(() => '[redacted]'),
    );
  });

  test('numbers of six digits and more, whatever they stand in', () => {
    assert.deepEqual(shownOf({ token: 123456, a: 123456, b: 'x123456', c: 91234567, d: 12345 }), [
      { token: '[redacted]', a: '[redacted]', b: 'x[redacted]', c: '[redacted]', d: 12345 },
      3,
    ]);
  });

  test('what follows the scheme of a credential', () => {
    const [shown] = shownOf({ authorization: 'Bearer abc.def.ghi', t: 'curl -H "x: abc.def.ghi"' });
    assert.equal(shown.t, 'curl -H "x: [redacted]"');
  });

  test('names that only say what secrets are called stay', () => {
    const given = { token: 'secret', client_secret: 'x', note: 'a secret' };
    assert.deepEqual(shownOf(given), [{ token: '[redacted]', client_secret: '[redacted]', note: 'a [redacted]' }, 1]);
  });

  test('a text with the beginning of a long value in it is hidden whole', () => {
    const key = Array.from({ length: 500 }, (_, i) => `line ${i * 7919}`).join('\n');
    const [shown] = shownOf({ private_key: key, t: `x ${key.slice(0, 300)} y`, u: key.slice(0, 200) });
    assert.deepEqual([shown.t, shown.u], ['[redacted]', key.slice(0, 200)]);
  });

  test('beyond 64 Ki characters of spellings, values are hidden where they are repeated as a whole', () => {
    const tokens = Array.from({ length: 5_000 }, (_, i) => `token-${i}-value`);
    const [shown] = shownOf({ tokens, whole: tokens });
    assert.ok((shown.whole as string[]).every((text) => text.includes('[redacted]')));
  });

  const many = Array.from({ length: 40_000 }, (_, i) => `${i}-secret`);
  const stepped: readonly [string, object, object, number][] = [
    ['many hidden values', { tokens: many }, {}, 60],
    ['a text that repeats one many times', { token: SECRET, text: `${SECRET},`.repeat(100_000) }, {}, 80],
    ['many values beside a header', { list: many }, { 'x-region': 'eu' }, 30],
  ];
  for (const [what, args, headers, fewest] of stepped) {
    test(`is looked for in many steps: ${what}`, () => {
      const call = { args, sent: { ...NOTHING_MORE, headers } } as Parameters<typeof redacting>[0];
      let breaks = 0;
      for (const steps = redacting(call, DEFAULT_REDACTION); !steps.next().done; ) breaks += 1;
      assert.ok(breaks >= fewest, `${breaks} breaks`);
    });
  }

  test('3 MB of words with common beginnings against 3 MB of text: linear', () => {
    const tokens = Array.from({ length: 20_000 }, (_, i) => `${'a'.repeat(120)}${i}`);
    const text = 'a'.repeat(3_000_000);
    const before = process.cpuUsage();
    const mask = ended(HiddenMask.of([tokens]));
    mask.text(text);
    const { user } = process.cpuUsage(before);
    assert.ok(user < 3_000_000, `${user} µs`);
  });
});
