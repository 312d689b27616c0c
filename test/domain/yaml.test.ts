import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { readYaml } from '../../src/config/document/yaml.ts';
import { readYamlEvents } from '../../src/config/document/yaml-events.ts';
import { readYamlTree } from '../../src/config/document/yaml-tree.ts';

/** What js-yaml reads, yaml reads the same and finds no fault with. False: js-yaml leaves it to yaml. */
function agrees(text: string): boolean {
  const quick = readYamlEvents(text);
  if (quick === null) return false;
  const tree = readYamlTree(text);
  assert.ok(tree.ok, `${JSON.stringify(text)} is ${JSON.stringify(quick.value)} to js-yaml, and a fault to yaml`);
  assert.deepEqual(quick.value, tree.value, JSON.stringify(text));
  return true;
}

test('js-yaml and yaml read every ready policy and every file of the corpus the same', () => {
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

test('js-yaml and yaml read values in every layout the same', () => {
  let quick = 0;
  const property = fc.property(fc.dictionary(word, json, { minKeys: 1, maxKeys: 4 }), layouts, (value, layout) => {
    if (agrees(stringify(value, { ...layout, lineWidth: 0 } as object))) quick += 1;
  });
  fc.assert(property, { numRuns: 3_000 });
  assert.ok(quick > 300, `js-yaml read only ${quick}`);
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

/** Marks and pieces that mean something in YAML, some of them rarely. */
const MARKS = [
  ...'\n \n  - :#,[]{}"\'&*!|>?%@`~.\\-+=019eax\t\r\u00e9\u2028\ufeff\u007f\u0007\ud800',
  ...[
    '- ',
    '? ',
    ': ',
    ' #',
    '\r\n',
    '---\n',
    '...\n',
    '|\n',
    '>-\n',
    '|2\n',
    '>+\n',
    '\\\n',
    '\\U00110000',
    '<<: ',
    '!!int ',
  ],
];
const mark = fc.constantFrom(...MARKS);
const edit = fc.record({
  at: fc.nat(SEED.length - 1),
  cut: fc.nat(3),
  put: fc.string({ unit: mark, maxLength: 3 }),
});
const edited = fc
  .array(edit, { minLength: 1, maxLength: 4 })
  .map((edits) => edits.reduce((now, { at, cut, put }) => now.slice(0, at) + put + now.slice(at + cut), SEED));

/** After a comment that no blank follows, yaml may join the next lines; js-yaml reads them right. */
const TIGHT_COMMENT = /^ *#\S/m;

test('js-yaml reads a text with marks that do not belong there as yaml does, or leaves it to yaml', () => {
  assert.ok(agrees(SEED));
  let quick = 0;
  fc.assert(
    fc.property(edited, (text) => {
      if (!TIGHT_COMMENT.test(text) && agrees(text)) quick += 1;
    }),
    { numRuns: 4_000 },
  );
  assert.ok(quick > 200, `js-yaml read only ${quick}`);
});

test('no text takes long to read, whatever is left open in it', () => {
  const texts = fc.oneof(edited, fc.string({ unit: mark, maxLength: 60 }), fc.string({ unit: mark, maxLength: 400 }));
  const cpuMs = (text: string): number => {
    const before = process.cpuUsage();
    readYaml(text);
    return process.cpuUsage(before).user / 1_000;
  };
  fc.assert(
    // What is slow once may be the collection of garbage; a slow text is slow again.
    fc.property(texts, (text) => cpuMs(text) < 300 || cpuMs(text) < 300),
    { numRuns: 4_000 },
  );
});

/** Texts that the closing bracket, the alias or the tag in them leaves to yaml. */
const LEFT_TO_YAML: readonly (readonly [string, string, unknown])[] = [
  ['a closing bracket at the column of its key', 'a: [\n  1,\n  2\n]\n', { a: [1, 2] }],
  ['an alias', 'a: &x [1]\nb: *x\n', { a: [1], b: [1] }],
  [
    'an anchor that is given anew',
    'a: &x 1\nb: &y [*x]\nc: &x 2\nd: *y\ne: *x\n',
    { a: 1, b: [1], c: 2, d: [1], e: 2 },
  ],
  ['a tag of the core schema', 'a: !!str 5\n', { a: '5' }],
  ['a version', '%YAML 1.2\n---\na: yes\n', { a: 'yes' }],
  ['an empty file', '', null],
];

/** Texts that js-yaml reads by itself. */
const READ_BY_JS_YAML: readonly (readonly [string, string, unknown])[] = [
  ['words that were booleans in YAML 1.1', '[yes, no, on, off, y, n]', ['yes', 'no', 'on', 'off', 'y', 'n']],
  ['numbers of the core schema', '[0o17, 017, 0x1f, +1, .5, 1e2]', [15, 17, 31, 1, 0.5, 100]],
  ['what is no number there', '[0b1, 1_000, 1:30, -0x1f]', ['0b1', '1_000', '1:30', '-0x1f']],
  ['a date', 'a: 2020-01-01', { a: '2020-01-01' }],
  [
    'keys that look like other things',
    '{1: a, true: b, null: c, 0x1f: d}',
    { 1: 'a', true: 'b', null: 'c', '0x1f': 'd' },
  ],
  ['a merge key', '<<: { a: 1 }', { '<<': { a: 1 } }],
  ['a value behind a comment without a blank', '-\n#c\n  x\n- y\n', ['x', 'y']],
];

for (const [name, text, value] of [...LEFT_TO_YAML, ...READ_BY_JS_YAML]) {
  test(`is read: ${name}`, () => {
    const read = readYaml(text);
    assert.ok(read.ok);
    assert.deepEqual(JSON.parse(JSON.stringify(read.value)), value);
    assert.equal(readYamlEvents(text) === null, text !== '' && LEFT_TO_YAML.some(([, left]) => left === text));
  });
}

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['an alias of nothing', 'a: *nope\n', /no anchor &nope comes before it/],
  ['a bomb of many aliases of one list', bomb(), /too many values/],
  ['an alias inside itself', 'a: &a [*a]\n', /nested too deeply/],
  ['65 levels', `${'['.repeat(66)}${']'.repeat(66)}`, /nested too deeply/],
  ['65 levels of pairs in lists', `${'[a: '.repeat(33)}${']'.repeat(33)}`, /nested too deeply/],
  ['a list as a key', '? [a]\n: b\n', /keys must be strings/],
  ['a number that no double holds', `a: ${'9'.repeat(400)}\n`, /JSON has no such value/],
  ['an infinity', 'a: .inf\n', /JSON has no such value/],
  ['a tag of YAML 1.1', 'a: !!binary aGk=\n', /JSON has no such value/],
  ['an unknown directive', '%FOO x\n---\na: 1\n', /Unknown directive/],
  ['a key that comes twice', '{a: 1, "a": 2}', /duplicate key "a"/],
];

for (const [name, text, problem] of REFUSED) {
  test(`is refused: ${name}`, () => {
    const read = readYaml(text);
    assert.ok(!read.ok);
    assert.match(read.problems[0]!.message, problem);
  });
}

function bomb(): string {
  return `a: &a [${'x,'.repeat(1_000)}]\nb: &b [${'*a,'.repeat(1_000)}]\nc: [${'*b,'.repeat(10_000)}]\n`;
}

test('many aliases take no longer than as many values', () => {
  const read = readYaml(`a: &a x\nb: [${'*a,'.repeat(50_000)}]\n`);
  assert.ok(read.ok);
});

test('the place of a value is found behind an alias too', () => {
  const read = readYaml('a: &x { k: 1 }\nb: *x\n');
  assert.ok(read.ok);
  assert.deepEqual(read.place(['b', 'k']), { key: 8, value: 11 });
  assert.equal(read.place(['b', 'l']), null);
});
