import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { readPlainYaml } from '../../src/config/plain-yaml.ts';
import { readWholeYaml } from '../../src/config/yaml.ts';

/** Whether a text that the quick reader takes is the same, and no fault, to the full YAML reader. */
function agrees(text: string): boolean {
  const quick = readPlainYaml(text);
  if (quick === null) return false;
  const whole = readWholeYaml(text);
  assert.ok(whole.ok, `${JSON.stringify(text)} is ${JSON.stringify(quick.value)}, and a fault`);
  assert.deepEqual(quick.value, whole.value, JSON.stringify(text));
  return true;
}

test('every ready policy and every file of the corpus is read the same, most of them quickly', () => {
  const root = new URL('../../', import.meta.url).pathname;
  const files = globSync('{policies,test/corpus}/*.yaml', { cwd: root });
  const quick = files.filter((file) => agrees(readFileSync(`${root}${file}`, 'utf8')));
  assert.ok(quick.length > files.length * 0.8, `${quick.length} of ${files.length}`);
});

const word = fc.oneof(
  fc.constantFrom(
    'true',
    'null',
    'True',
    'NULL',
    'yes',
    '1e5',
    '0x1f',
    '012',
    '-0',
    '1.50',
    '~',
    '.inf',
    '30m',
    '5/hour',
  ),
  fc.constantFrom(
    'a b',
    "it's",
    'a#b',
    'a #b',
    'a: b',
    'a:b',
    '- a',
    '*',
    '&x',
    '!t',
    '^x[a-z]+$',
    '/etc',
    '',
    ' ',
    '|',
    '>',
  ),
  fc.string({ maxLength: 6 }),
);
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    word,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(word, tie('json'), { maxKeys: 3 }),
  ),
}));
const layouts = fc.record({ indentSeq: fc.boolean(), collectionStyle: fc.constantFrom('any', 'block', 'flow') });

test('values in every layout are read the same', () => {
  let quick = 0;
  const property = fc.property(fc.dictionary(word, json, { minKeys: 1, maxKeys: 4 }), layouts, (value, layout) => {
    if (agrees(stringify(value, { ...layout, lineWidth: 0 } as object))) quick += 1;
  });
  fc.assert(property, { numRuns: 3_000 });
  assert.ok(quick > 300, `only ${quick} were read quickly`);
});

const SEED = `# A policy
version: "1"
default: deny # by default
tools:
  list_keys: { risk: read, limits: [] }
  create_key:
    action: require_approval
    reason: Creates a key, for 30 days.
    require:
    - path: args.role
      op: in
      value: [viewer, 'edi''tor', 3]
    - { path: "args.a", op: exists, value: false }
    limits:
      -
        counter: c
        max: 10.5
`;

test('a text with any marks in it that do not belong there is read the same, or left to the whole of YAML', () => {
  assert.ok(agrees(SEED));
  const marks = fc.constantFrom(...'\n \n  - :#,[]{}"\'&*!|>?%@`~.\\-019eax\t');
  const edit = fc.record({
    at: fc.nat(SEED.length - 1),
    cut: fc.nat(3),
    put: fc.string({ unit: marks, maxLength: 3 }),
  });
  let quick = 0;
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const text = edits.reduce((now, { at, cut, put }) => now.slice(0, at) + put + now.slice(at + cut), SEED);
      if (agrees(text)) quick += 1;
    }),
    { numRuns: 4_000 },
  );
  assert.ok(quick > 200, `only ${quick} were read quickly`);
});
