import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDocument } from '../../src/config/document/document.ts';
import { FaultList } from '../../src/config/document/shape.ts';
import { compileClauses } from '../../src/config/rule/clause.ts';
import type { ConditionShape } from '../../src/config/rule/schema.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import {
  answer as answerOf,
  type Condition,
  LONGEST_SUBJECT,
  type Quantifier,
} from '../../src/domain/policy/condition.ts';
import { parsePath, valueAt, valuesAt } from '../../src/domain/policy/path.ts';

function compiled(shape: ConditionShape) {
  const read = readDocument('{}', 'test.json');
  assert.ok(read.ok);
  const faults = new FaultList(read.document);
  const [clause] = compileClauses([shape], [], faults);
  assert.deepEqual(faults.list, []);
  return clause!.condition;
}

function answer(condition: Condition, args: JsonObject, quantifier: Quantifier) {
  return answerOf(condition, { args, params: {} }, quantifier);
}

type Row = [op: ConditionShape['op'], value: unknown, arg: unknown, expected: string];

const NOTHING = Symbol('no argument');

const ROWS: Row[] = [
  ['eq', 'admin', 'admin', 'yes'],
  ['eq', 'admin', 'Admin', 'no'],
  ['eq', 'admin', ['admin'], 'mistyped'],
  ['eq', 'admin', null, 'mistyped'],
  ['eq', null, null, 'yes'],
  ['eq', 5, '5', 'mistyped'],
  ['eq', true, true, 'yes'],
  ['eq', 'admin', NOTHING, 'missing'],
  ['neq', 'admin', 'viewer', 'yes'],
  ['neq', 'admin', ['viewer'], 'mistyped'],
  ['neq', 'admin', NOTHING, 'missing'],
  ['in', ['a', 'b'], 'b', 'yes'],
  ['in', ['a', 'b'], 'c', 'no'],
  ['in', ['a', 'b'], 7, 'mistyped'],
  ['in', ['a', 7], 7, 'yes'],
  ['in', ['constructor'], 'constructor', 'yes'],
  ['not_in', ['a'], 'b', 'yes'],
  ['not_in', ['a'], ['b'], 'mistyped'],
  ['lt', 10, 9.99, 'yes'],
  ['lt', 10, 10, 'no'],
  ['lte', 10, 10, 'yes'],
  ['gt', 0, -1, 'no'],
  ['gte', -5, -5, 'yes'],
  ['gt', '0.1', '0.1000000000000000001', 'yes'],
  ['lte', 50_000, '12345678901234567890', 'no'],
  ['lte', 50_000, '1e3', 'mistyped'],
  ['lte', 50_000, '0x10', 'mistyped'],
  ['lte', 50_000, ' 5', 'mistyped'],
  ['lte', 50_000, true, 'mistyped'],
  ['lte', 50_000, [1], 'mistyped'],
  ['lte', 50_000, NOTHING, 'missing'],
  ['regex', '^feat/[a-z]+$', 'feat/abc', 'yes'],
  ['regex', 'b', 'abc', 'yes'],
  ['regex', '^feat/', 'main', 'no'],
  ['regex', '^feat/', 5, 'mistyped'],
  ['regex', '.', 'x'.repeat(LONGEST_SUBJECT + 1), 'mistyped'],
  ['contains', 'rm', 'rm -rf', 'yes'],
  ['contains', 'a', ['a', 'b'], 'yes'],
  ['contains', 'a', ['b'], 'no'],
  ['contains', 'a', [['a']], 'mistyped'],
  ['contains', 'a', ['b', { a: 1 }], 'mistyped'],
  ['contains', 7, 'text', 'mistyped'],
  ['contains', 'a', { a: 1 }, 'mistyped'],
  ['starts_with', '/tmp/', '/tmp/x', 'yes'],
  ['starts_with', '/tmp/', '/etc', 'no'],
  ['starts_with', '/tmp/', ['/tmp/'], 'mistyped'],
  ['exists', true, 'x', 'yes'],
  ['exists', true, null, 'no'],
  ['exists', true, NOTHING, 'no'],
  ['exists', false, NOTHING, 'yes'],
  ['exists', undefined, 0, 'yes'],
];

for (const [op, value, arg, expected] of ROWS) {
  const shown = arg === NOTHING ? 'nothing' : JSON.stringify(arg)!.slice(0, 40);
  test(`${op} ${JSON.stringify(value)} says ${expected} of ${shown}`, () => {
    const args = (arg === NOTHING ? {} : { x: arg }) as JsonObject;
    assert.equal(answer(compiled({ path: 'args.x', op, value }), args, 'every'), expected);
    assert.equal(answer(compiled({ path: 'args.x', op, value }), args, 'some'), expected);
  });
}

test('a wildcard asks for every element where something is required, and for some element where it is forbidden', () => {
  const condition = compiled({ path: 'args.to[*].domain', op: 'eq', value: 'ours' });
  const say = (domains: unknown[], quantifier: 'every' | 'some') =>
    answer(
      condition,
      { to: domains.map((domain) => (domain === undefined ? {} : { domain })) } as JsonObject,
      quantifier,
    );
  assert.equal(say(['ours', 'ours'], 'every'), 'yes');
  assert.equal(say(['ours', 'theirs'], 'every'), 'no');
  assert.equal(say(['ours', undefined], 'every'), 'missing');
  assert.equal(say(['theirs', 'ours'], 'some'), 'yes');
  assert.equal(say(['theirs', undefined], 'some'), 'missing');
  assert.equal(say(['theirs'], 'some'), 'no');
});

test('an empty list breaks no rule, but nothing in it exists', () => {
  const equal = compiled({ path: 'args.to[*]', op: 'eq', value: 'a' });
  assert.equal(answer(equal, { to: [] }, 'every'), 'yes');
  assert.equal(answer(equal, { to: [] }, 'some'), 'no');
  assert.equal(answer(compiled({ path: 'args.to[*]', op: 'exists', value: true }), { to: [] }, 'every'), 'no');
  assert.equal(answer(equal, {}, 'every'), 'missing');
  assert.equal(answer(equal, { to: 'a' }, 'some'), 'missing');
});

test('all and any follow Kleene, so that exists can opt out of a missing argument', () => {
  const present = { path: 'args.role', op: 'exists', value: true } as const;
  const admin = { path: 'args.role', op: 'eq', value: 'admin' } as const;
  const both = compiled({ all: [present, admin] });
  assert.equal(answer(both, {}, 'some'), 'no');
  assert.equal(answer(both, { role: 'admin' }, 'some'), 'yes');
  assert.equal(answer(both, { role: ['admin'] }, 'some'), 'mistyped');
  const either = compiled({ any: [{ ...present, value: false }, admin] });
  assert.equal(answer(either, {}, 'every'), 'yes');
  assert.equal(answer(either, { role: 'viewer' }, 'every'), 'no');
});

test('a path sees own members only', () => {
  const args = JSON.parse('{"a":{"b":[10,{"c":1}]},"__proto__":{"x":1},"a.b":2,"items":{"0":"zero"}}') as JsonObject;
  const at = (text: string) => valueAt({ args, params: {} }, parsePath(text)!);
  assert.equal(at('args.a.b[0]'), 10);
  assert.equal(at('args.a.b.1.c'), 1);
  assert.equal(at('args.a.b[2]'), undefined);
  assert.equal(at('args.a.b.length'), undefined);
  assert.equal(at('args.constructor'), undefined);
  assert.equal(at('args.a.toString'), undefined);
  assert.equal(at('args.__proto__.x'), 1);
  assert.equal(at('args["a.b"]'), 2);
  assert.equal(at('args.items[0]'), 'zero');
  assert.deepEqual(valuesAt({ args, params: {} }, parsePath('args.a.*[*].c')!), [undefined, 1]);
});

test('what is no path is refused', () => {
  for (const text of [
    '',
    'args',
    'args.',
    'role',
    'args..a',
    'args.a[',
    'args.a[x]',
    'args.a[-1]',
    'argsx',
    'args.a b"',
    'state.x.y',
  ]) {
    assert.equal(parsePath(text), null, text);
  }
});

test('a pattern over many texts reads no more of them together than of one', () => {
  const condition = compiled({ path: 'args.x[*]', op: 'regex', value: 'z' });
  const half = 'a'.repeat(LONGEST_SUBJECT / 2);
  assert.equal(answer(condition, { x: [half, half] }, 'some'), 'no');
  assert.equal(answer(condition, { x: [half, half, 'a'] }, 'some'), 'mistyped');
});

test('no pattern hangs: nested repetition over 64 Ki characters takes linear time', () => {
  for (const value of ['(a+)+$', '(a|a)*b', '(.*)*x', '([a-z]+)*[A-Z]', '(a*)*b\\z']) {
    const condition = compiled({ path: 'args.x', op: 'regex', value });
    const start = performance.now();
    answer(condition, { x: `${'a'.repeat(LONGEST_SUBJECT - 1)}!` }, 'every');
    assert.ok(performance.now() - start < 2_000, value);
  }
});
