import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { faultText } from '../../src/config/document/fault.ts';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { policyJsonSchema } from '../../src/config/policy/json-schema.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { mayAsk } from '../../src/domain/policy/policy.ts';
import { callOf, faultsOf } from '../support/domain/policy.ts';

/** Cuts out and inserts; may split a surrogate pair, as a broken file would. */
function splice(text: string, at: number, cut: number, piece: string): string {
  return text.slice(0, at) + piece + text.slice(at + cut);
}

const policies = new URL('../../policies/', import.meta.url);
const PUBLISHED =
  '{"version":"1","default":"deny","tools":{"create_api_key":{"limits":[{"counter":"create_api_key_rate","window":"minute","max":30,"scope":"grant"}]}}}';

test('policies/prometheus.json is the published rule, and the second example only puts a human in front of it', () => {
  const text = readFileSync(new URL('prometheus.json', policies), 'utf8');
  assert.equal(text.trimEnd(), PUBLISHED);
  const published = parsePolicy(text, { path: 'prometheus.json' });
  const approval = parsePolicy(readFileSync(new URL('prometheus-approval.yaml', policies), 'utf8'), { path: 'a.yaml' });
  assert.ok(published.ok && approval.ok);
  const [first, second] = [published, approval].map(({ policy }) => evaluate(policy, callOf('create_api_key')));
  assert.ok(first?.kind === 'allow' && second?.kind === 'ask');
  assert.deepEqual(second.limits, first.limits);
  assert.deepEqual(
    approval.mentions.map((one) => one.group),
    ['security'],
  );
  assert.deepEqual([mayAsk(published.policy), mayAsk(approval.policy)], [false, true]);
});

test('the policies shown in docs/policy.md load', () => {
  const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');
  const [whole, conditions] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map((block) => block[1]!);
  assert.deepEqual(faultsOf(whole!), []);
  const rule = conditions!.replaceAll(/^/gm, '    ');
  assert.deepEqual(faultsOf(`version: "1"\ndefault: deny\ntools:\n  t:\n${rule}`), []);
});

test('the digest is the SHA-256 of the file’s bytes', () => {
  const text = `${PUBLISHED}\n\n`;
  const parsed = parsePolicy(text, { path: 'p.json' });
  assert.ok(parsed.ok);
  assert.equal(parsed.policy.digest, createHash('sha256').update(Buffer.from(text)).digest('hex'));
});

test('all faults are told at once, in the order of the file, each with its line, its path and what would be right', () => {
  const text = [
    'version: "1"',
    'defualt: deny',
    'default: nope',
    'hide: [a, a, "x y"]',
    'tools:',
    '  a:',
    '    acton: deny',
    '    action: denny',
    '    require: [{path: role, op: in, value: x}, {path: args.x, op: regex, value: "(a"}]',
    '    limits: [{counter: c, windw: minute, max: -1}]',
    '    rate_limit: {max: 1, windows: 3}',
    '    approval: {timeout: 30, quorum: 0, remind: 3x}',
    '    redact: [none, seed]',
    '  "b c": {}',
    '  c: {limits: [{counter: c, window: day, max: 12345678901234567890}]}',
    '  d: {action: deny, ask_if: [{path: args.x, op: exists}]}',
    '  e: {approval: {timeout: 5m, remind: 10m}}',
    '  f: {require: [{all: [{path: args.x, op: lt, value: ten}]}, {}]}',
  ].join('\n');
  const found = faultsOf(text, 'bad.yaml').map((line) => /^bad\.yaml:(\d+):\d+: (.+?): (.*)$/.exec(line)!.slice(1, 4));
  assert.deepEqual(
    found.map(([line, path]) => `${line} ${path}`),
    [
      '2 defualt',
      '3 default',
      '4 hide[1]',
      '4 hide[2]',
      '7 tools.a.acton',
      '8 tools.a.action',
      '9 tools.a.require[0].path',
      '9 tools.a.require[1].value',
      '10 tools.a.limits[0].window',
      '10 tools.a.limits[0].windw',
      '11 tools.a.rate_limit.window',
      '11 tools.a.rate_limit.windows',
      '12 tools.a.approval.timeout',
      '12 tools.a.approval.quorum',
      '13 tools.a.redact[1]',
      '14 tools["b c"]',
      '15 tools.c.limits[0].max',
      '16 tools.d.ask_if',
      '17 tools.e.approval.remind',
      '18 tools.f.require[0].all[0].value',
      '18 tools.f.require[1]',
    ],
  );
  assert.match(found[4]![2]!, /perhaps action is meant \(expected one of .*action.*\)/);
  assert.match(found[5]![2]!, /is "denny" \(expected one of allow, deny, require_approval\)/);
});

const BROKEN: [name: string, file: string, text: string, fault: RegExp][] = [
  [
    'a duplicate YAML key',
    'p.yaml',
    'version: "1"\ndefault: deny\ntools:\n  a: {}\n  a: {}\n',
    /^p\.yaml:5:3: tools\.a: duplicate key "a"/,
  ],
  [
    'a duplicate JSON key behind an escape',
    'p.json',
    '{"version":"1","default":"deny","\\u0064efault":"allow"}',
    /^p\.json:1:33: default: duplicate key/,
  ],
  ['an unclosed JSON object', 'p.json', '{"version":"1"', /^p\.json:1:15: not JSON: an object is not closed/],
  ['a JSON comment', 'p.json', '{ // no\n}', /^p\.json:1:3: not JSON: a key is missing/],
  ['a trailing comma', 'p.json', '{"version":"1",}', /a key is missing/],
  [
    'an alias bomb',
    'p.yaml',
    `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.replaceAll(/./g, (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]\n`)}`,
    /too many values/,
  ],
  ['an alias inside itself', 'p.yaml', 'a: &a [*a]\n', /nested too deeply|unresolved|alias/i],
  ['a foreign tag', 'p.yaml', 'version: !!js/function "x"\n', /tag/],
  ['two documents', 'p.yaml', 'version: "1"\n---\nversion: "1"\n', /document/],
  [
    'a merge key',
    'p.yaml',
    'version: "1"\ndefault: deny\ntools:\n  a: &a {action: deny}\n  b: {<<: *a}\n',
    /tools\.b\.<<: unknown key/,
  ],
  [
    'no number',
    'p.yaml',
    'version: "1"\ndefault: deny\nall_tools: {limits: [{counter: c, window: day, max: .inf}]}\n',
    /all_tools\.limits\[0\]\.max: JSON has no such value/,
  ],
  ['no map', 'p.yaml', '- 1\n', /is a list \(expected a map\)/],
  ['an empty file', 'p.yaml', '', /expected a map/],
  ['deep nesting', 'p.json', `${'['.repeat(100_000)}`, /nested too deeply/],
  ['tools as a list', 'p.json', '{"version":"1","default":"deny","tools":[]}', /tools: is a list/],
  [
    'a path into __proto__ of nothing',
    'p.json',
    '{"version":"1","default":"deny","__proto__":{}}',
    /__proto__: unknown key/,
  ],
];

for (const [name, file, text, fault] of BROKEN) {
  test(`${name} is a fault, not a surprise`, () => {
    const faults = faultsOf(text, file);
    assert.ok(
      faults.some((line) => fault.test(line)),
      `${fault} not in\n${faults.join('\n')}`,
    );
  });
}

test('only a file that is entirely Intercept’s may leave the default out', () => {
  const rules = '{rules: [{name: r, action: deny}]}';
  const missing = /default: is missing/;
  assert.deepEqual(faultsOf(`version: "1"\ntools: {a: ${rules}}`), []);
  for (const tools of [`{a: ${rules}, b: {}}`, `{a: ${rules}, b: {action: deny}}`, '{a: {}}', '{a: }', '{}', '']) {
    assert.match(faultsOf(`version: "1"\ntools: ${tools}`).join(), missing, tools);
  }
});

test('one call cannot take from one counter twice', () => {
  const limit = '{counter: c, window: day, max: 1}';
  assert.match(
    faultsOf(`version: "1"\ndefault: deny\ntools: {a: {limits: [${limit}, ${limit}]}}`)[0]!,
    /count one call twice/,
  );
  assert.match(
    faultsOf(`version: "1"\ndefault: deny\nall_tools: {limits: [${limit}]}\ntools: {a: {limits: [${limit}]}}`)[0]!,
    /all_tools included/,
  );
  assert.deepEqual(
    faultsOf(`version: "1"\ndefault: deny\ntools: {a: {limits: [${limit}]}, b: {limits: [${limit}]}}`),
    [],
  );
});

test('policies/schema.json is the schema of the parser, and the examples name keys that it knows', () => {
  const kept = JSON.parse(readFileSync(new URL('schema.json', policies), 'utf8'));
  assert.deepEqual(
    kept,
    JSON.parse(JSON.stringify(policyJsonSchema())),
    'run `holdfast policy schema > policies/schema.json`',
  );
});

test('an open quote is a fault at once, however long the text behind it', () => {
  for (const long of ['a'.repeat(100_000), '\\n'.repeat(100_000), `${'a\\"'.repeat(100_000)}\\`]) {
    assert.match(
      faultsOf(`{"version":"1","default":"${long}`, 'p.json')[0]!,
      /not JSON: this text in quotes is not valid/,
    );
  }
  assert.match(
    faultsOf(`{"version":"1","default":"${'🙂a'.repeat(20)}\t"}`, 'p.json')[0]!,
    /not JSON: this text in quotes is not valid/,
  );
});

test('whatever the text, there is a policy or a fault with its file, a line and words', () => {
  const corpus = new URL('../corpus/', import.meta.url);
  const seeds = [
    readFileSync(new URL('prometheus-approval.yaml', policies), 'utf8'),
    ...readdirSync(corpus).map((name) => readFileSync(new URL(name, corpus), 'utf8')),
  ];
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    "'",
    '\n',
    '  ',
    '- ',
    '&a',
    '*a',
    '!!',
    '|',
    '>',
    '#',
    '\t',
    '\u0000',
    '__proto__',
    'rules',
    'null',
    '-1',
    '1e999',
    '<<',
    '\ud800',
    '🙂',
  );
  const mutated = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(600), fc.nat(6), pieces), { minLength: 1, maxLength: 4 }),
    )
    .map(([seed, edits]) => edits.reduce((text, [at, cut, piece]) => splice(text, at % text.length, cut, piece), seed));
  const texts = fc.oneof(
    mutated,
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.array(pieces).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(texts, fc.constantFrom('x.json', 'x.yaml'), (text, path) => {
      const parsed = parsePolicy(text, { path });
      if (parsed.ok) {
        for (const tool of ['create_api_key', 'a', 'create_charge', '__proto__']) evaluate(parsed.policy, callOf(tool));
        return;
      }
      assert.ok(parsed.faults.length > 0);
      for (const fault of parsed.faults) {
        assert.equal(fault.file, path);
        assert.ok(fault.line >= 1 && fault.column >= 1, JSON.stringify(fault));
        assert.ok(fault.message !== '' && faultText(fault).startsWith(`${path}:${fault.line}:`));
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a wrong value anywhere in a good file is told with the path of that value', () => {
  const good = {
    version: '1',
    default: 'deny',
    hide: ['h'],
    tools: {
      t: {
        action: 'allow',
        risk: 'write',
        limits: [{ counter: 'c', window: 'day', max: 1, scope: 'grant' }],
        require: [{ path: 'args.x', op: 'in', value: ['a'] }],
        approval: { approvers: ['g'], quorum: 1, timeout: '5m', escalate: { after: '1m', to: ['h'] } },
        redact: ['args.x'],
      },
    },
  };
  const places: (string | number)[][] = [];
  const walk = (value: unknown, path: (string | number)[]): void => {
    if (path.length > 0) places.push(path);
    if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value))
        walk(inner, [...path, Array.isArray(value) ? Number(key) : key]);
    }
  };
  walk(good, []);
  for (const place of places) {
    const copy = structuredClone(good) as unknown as Record<string | number, never>;
    const parent = place.slice(0, -1).reduce((here, step) => here[step]!, copy);
    parent[place.at(-1)!] = { wrong: [] } as never;
    const parsed = parsePolicy(JSON.stringify(copy, null, 1), { path: 'p.json' });
    const text = place
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
      .join('')
      .slice(1);
    assert.ok(!parsed.ok, text);
    assert.ok(
      parsed.faults.some((fault) => fault.path.startsWith(text)),
      `${text}: ${parsed.faults.map(faultText).join('\n')}`,
    );
  }
});
