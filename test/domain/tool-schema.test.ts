import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaFaults } from '../../src/config/tool-schema.ts';
import { argumentChanges } from '../../src/domain/approval/argument-changes.ts';
import { keepHidden } from '../../src/domain/call/keep-hidden.ts';
import { exactJson } from '../../src/domain/json/exact-json.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { argumentForm, argumentsTyped } from '../../src/domain/tool/argument-form.ts';
import { plainSchema } from '../../src/domain/tool/plain-schema.ts';

const read = (text: string): JsonObject => JSON.parse(text) as JsonObject;

test('arguments are judged by the schema, and no pattern of a server is run', () => {
  const schema = read(`{"type":"object","required":["name"],"additionalProperties":false,"properties":{
    "name":{"type":"string","minLength":2,"pattern":"^(a+)+$"},"n":{"type":"integer","maximum":5},"o":{"$ref":"#/$defs/o"}},
    "$defs":{"o":{"type":"object","properties":{"o":{"$ref":"#/$defs/o"},"x":{"type":"number"}}}}}`);
  const cases: [args: string, paths: string[]][] = [
    ['{"name":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}', []],
    ['{"name":"ab","n":5,"o":{"o":{"x":1}}}', []],
    ['{}', ['name']],
    ['{"name":"a"}', ['name']],
    ['{"name":"ab","n":6}', ['n']],
    ['{"name":"ab","n":1.5}', ['n']],
    ['{"name":"ab","o":{"o":{"x":"1"}}}', ['o.o.x']],
    ['{"name":"ab","__proto__":1}', ['']],
  ];
  for (const [args, paths] of cases) {
    assert.deepEqual(
      schemaFaults(schema, read(args))?.map(({ path }) => path),
      paths,
      args,
    );
  }
});

test('what a pattern of names may admit is called unknown by nobody', () => {
  const schema = read(
    '{"type":"object","additionalProperties":false,"properties":{"n":{"type":"integer"}},"patternProperties":{"^x-":{}}}',
  );
  assert.deepEqual(schemaFaults(schema, read('{"n":1,"x-team":"a"}')), []);
  assert.deepEqual(
    schemaFaults(schema, read('{"n":"1"}'))?.map(({ path }) => path),
    ['n'],
  );
});

test('a schema that is too long, leads elsewhere or into itself without end is not read for ever', () => {
  const doubling: Record<string, unknown> = { type: 'object', properties: { a: { $ref: '#/$defs/d0' } }, $defs: {} };
  for (let n = 0; n < 40; n += 1) {
    (doubling.$defs as Record<string, unknown>)[`d${n}`] = {
      anyOf: [{ $ref: `#/$defs/d${n + 1}` }, { $ref: `#/$defs/d${n + 1}` }],
    };
  }
  (doubling.$defs as Record<string, unknown>).d40 = { type: 'string' };
  assert.equal(plainSchema(doubling as JsonObject), null);
  assert.equal(plainSchema(read('{"properties":{"a":{"$ref":"https://example.com/x"}}}')), null);
  assert.equal(plainSchema(read('{"properties":{"a":{"$ref":"#/nowhere"}}}')), null);
  assert.notEqual(plainSchema(read('{"properties":{"a":{"$ref":"#"}}}')), null);
});

test('P6: a schema with many alternatives, and arguments with many values, hold nobody up', () => {
  const items = { anyOf: Array.from({ length: 1_900 }, (_, n) => ({ const: `v${n}` })) };
  const schema = { type: 'object', properties: { l: { type: 'array', items } } };
  const began = performance.now();
  assert.equal(schemaFaults(schema, { l: Array.from({ length: 8_000 }, () => 1) }), null);
  assert.ok(performance.now() - began < 2_000);
  assert.notDeepEqual(schemaFaults(schema, { l: [1] }), []);
  assert.deepEqual(schemaFaults(schema, { l: ['v7', 'v1899'] }), []);
  const plain = { type: 'object', properties: { l: { type: 'array', items: { type: 'string' } } } };
  assert.deepEqual(schemaFaults(plain, { l: Array.from({ length: 50_000 }, () => 'x') }), []);
});

test('P8: what is hidden stays as it is, wherever it stands', () => {
  const actual = read('{"a":{"token":"s","n":1},"list":["x","s"],"free":1}');
  const shown = read('{"a":{"token":"[redacted]","n":1},"list":["x","[redacted]"],"free":1}');
  const kept = keepHidden(
    actual,
    shown,
    read('{"a":{"token":"[redacted]","n":2},"list":["y","[redacted]"],"__proto__":{"x":1}}'),
  );
  assert.equal(kept.kind, 'kept');
  assert.equal(
    kept.kind === 'kept' && JSON.stringify(kept.args),
    '{"a":{"token":"s","n":2},"list":["y","s"],"__proto__":{"x":1}}',
  );
  const touched: [proposed: string, path: string][] = [
    ['{"a":{"n":1},"list":["x","[redacted]"]}', 'a.token'],
    ['{"a":{"token":"mine"},"list":["x","[redacted]"]}', 'a.token'],
    ['{"a":{"token":"[redacted]"},"list":["[redacted]","x"]}', 'list[1]'],
    ['{"a":{"token":"[redacted]"},"list":["[redacted]"]}', 'list[1]'],
    ['{"list":["x","[redacted]"]}', 'a'],
    ['{"a":{"token":"[redacted]"},"list":"[redacted]"}', 'list'],
  ];
  for (const [proposed, path] of touched) {
    assert.deepEqual(keepHidden(actual, shown, read(proposed)), { kind: 'touched', path }, proposed);
  }
});

test('JSON that two readers could take for different values is not taken', () => {
  for (const text of [
    '{"n":9007199254740993}',
    '{"n":1e400}',
    '{"a":1,"a":2}',
    '{"a":"\\ud800"}',
    '{"\\udc00":1}',
    '{',
    `${'['.repeat(70)}${']'.repeat(70)}`,
  ]) {
    assert.equal(exactJson(text).kind, 'inexact', text.slice(0, 30));
  }
  assert.deepEqual(exactJson('{"n":1.0,"m":0.1,"t":"9007199254740993"}').kind, 'exact');
});

test('a form leaves what nobody touched as it was, and what is hidden out of reach', () => {
  const args = read(
    '{"name":"a\\r\\nb","n":1.50,"tags":["x"],"mixed":[1,"x"],"empty":"","token":"[redacted]","deep":{"k":"[REDACTED] x"}}',
  );
  const { fields, rest, kept } = argumentForm(null, args);
  assert.deepEqual(kept, ['token', 'deep']);
  assert.deepEqual(rest, { mixed: [1, 'x'] });
  const typed = fields.map(({ name, kind, now }) => ({ name, kind, text: now?.replaceAll('\r\n', '\n') || null }));
  assert.deepEqual(argumentsTyped(args, typed, JSON.stringify(rest)), { kind: 'typed', args });
  const wrong: [json: string, why: RegExp][] = [
    ['{"token":"mine"}', /stays as it is/],
    ['{"name":"mine"}', /field of its own/],
    ['[1]', /one JSON object/],
    ['{"z":9007199254740993}', /double/],
  ];
  for (const [json, why] of wrong) {
    const read = argumentsTyped(args, typed, json);
    assert.match(read.kind === 'wrong' ? read.faults[0]!.why : 'taken', why, json);
  }
  for (const [kind, text, why] of [
    ['text', '\u{1f600}'.repeat(1_501), /At most 3000 characters/],
    ['lines', 'a\n\ud800', /within a character/],
  ] as const) {
    const long = argumentsTyped(args, [{ name: 'name', kind, text }], null);
    assert.match(long.kind === 'wrong' ? long.faults[0]!.why : 'taken', why);
  }
  const cut = argumentsTyped(args, [], `{"z":"${'x'.repeat(3_000)}"}`);
  assert.match(cut.kind === 'wrong' ? cut.faults[0]!.why : 'taken', /At most 3000 characters/);
  const huge: JsonObject = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`a${n}`, 'x']));
  assert.equal(argumentForm(null, huge).fields.length, 20);
});

test('what was changed is told member by member, cut, and so many', () => {
  const { changes, more } = argumentChanges(
    read('{"a":1,"o":{"x":1,"y":2},"l":[1,2],"gone":true,"__proto__":1}'),
    read('{"a":1,"o":{"x":1,"y":3},"l":[1,5],"new":"n","__proto__":2}'),
  );
  assert.deepEqual(
    changes.map(({ path, before, after }) => [path, before, after]),
    [
      ['o.y', '2', '3'],
      ['l[1]', '2', '5'],
      ['gone', 'true', null],
      ['__proto__', '1', '2'],
      ['new', null, '"n"'],
    ],
  );
  assert.equal(more, 0);
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`a${n}`, 'x'.repeat(1_000)]));
  const cut = argumentChanges({}, many);
  assert.deepEqual([cut.changes.length, cut.more], [20, 10]);
  assert.ok(cut.changes.every(({ after }) => after!.length <= 300));
});
