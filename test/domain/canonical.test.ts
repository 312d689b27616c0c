import assert from 'node:assert/strict';
import { test } from 'node:test';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { canonical } from '../../src/domain/json/canonical.ts';
import type { Json } from '../../src/domain/json/json.ts';
import { writeJson } from '../../src/domain/json/write.ts';

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '"',
    '\\',
    '\u0000',
    '\u001f',
    '\u007f',
    '\u2028',
    'é',
    '🙂',
    '__proto__',
    'constructor',
    '10',
    '9',
    'ſ',
    '\ufb33',
  ),
);

const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom<Json>(null, true, false, 0, -0, 1e21, 1e-7, 333333333.3333333, 9007199254740992),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    text,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(text, tie('value'), { maxKeys: 8 }),
  ),
}));

test('P1: the canonical form is that of RFC 8785, as another implementation writes it', () => {
  fc.assert(
    fc.property(value, (json) => {
      assert.equal(canonical(json), canonicalize(json));
    }),
    { numRuns: 3_000 },
  );
});

test('P1: the order of members says nothing, at any depth', () => {
  const turned = (json: Json): Json => {
    if (Array.isArray(json)) return json.map(turned);
    if (json === null || typeof json !== 'object') return json;
    return Object.fromEntries(
      Object.entries(json)
        .toReversed()
        .map(([name, inner]) => [name, turned(inner)]),
    );
  };
  fc.assert(
    fc.property(value, (json) => {
      assert.equal(canonical(turned(json)), canonical(json));
    }),
  );
});

test('P1: what has no canonical form is refused, and what is undefined is left out', () => {
  for (const odd of ['\ud800', { '\udc00': 1 }, ['a\ud83d'], Number.NaN, [Number.POSITIVE_INFINITY]]) {
    assert.throws(() => canonical(odd as Json), /no canonical form/);
  }
  assert.equal(canonical({ b: 1, a: undefined } as unknown as Json), '{"b":1}');
});

// RFC 8785, section 3.2.3.
test('P1: the example of the standard', () => {
  const given = JSON.parse(
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
  ) as Json;
  assert.equal(
    canonical(given),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('P1: a value may be nested deeper than a recursive writer can follow', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
    ['{"b":[0],"a":[1,', ',2]}'],
  ] as const) {
    const nested = `${open.repeat(50_000)}"x"${close.repeat(50_000)}`;
    const value = JSON.parse(nested) as Json;
    assert.equal(writeJson(value), nested);
    assert.equal(canonical(JSON.parse(canonical(value)) as Json), canonical(value));
  }
});

test('JSON is written as JSON.stringify writes it, lone surrogates and what is no JSON number included', () => {
  const odd = [
    '\ud800',
    { '\udc00': 1 },
    [Number.NaN, Number.POSITIVE_INFINITY, -0],
    { b: 1, a: undefined },
  ] as unknown[];
  for (const json of odd) assert.equal(writeJson(json as Json), JSON.stringify(json));
  fc.assert(
    fc.property(value, (json) => {
      assert.equal(writeJson(json), JSON.stringify(json));
    }),
  );
});
