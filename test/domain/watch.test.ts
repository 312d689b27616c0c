import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { foresee } from '../../src/domain/policy/foresee.ts';
import { judgedInexact } from '../../src/domain/policy/inexact.ts';
import { ASKING_FOR, isDeniedPrompt, isDeniedResource, judgeMethod } from '../../src/domain/policy/judge-method.ts';
import { takesOf } from '../../src/domain/policy/limit.ts';
import { mayAsk, mayAskNow } from '../../src/domain/policy/policy.ts';
import { mayAskOf } from '../../src/domain/policy/rule.ts';
import { isWatchedLong, watchingIn } from '../../src/domain/policy/watching.ts';
import { scan } from '../../src/mcp/json/scan.ts';
import { callOf, faultsOf, policyOf } from '../support/domain/policy.ts';

const yes = [{ path: 'args.x', op: 'eq', value: 'yes' }];
const no = [{ path: 'args.x', op: 'eq', value: 'no' }];
const watched = (file: object) => ({ ...policyOf(file), mode: 'watch' as const });

/** What is suspended: each row is a whole file, watched as a server or as a rule; `x` is `yes`. */
const SUSPENDED: [name: string, file: object, said: string][] = [
  ['deny_if', { tools: { t: { deny_if: yes } } }, 'deny'],
  ['require', { tools: { t: { require: no } } }, 'deny'],
  ['action: deny', { tools: { t: { action: 'deny' } } }, 'deny'],
  ['ask_if', { tools: { t: { ask_if: yes } } }, 'ask'],
  ['action: require_approval', { tools: { t: { action: 'require_approval' } } }, 'ask'],
  [
    'a limit whose amount cannot be read',
    { tools: { t: { limits: [{ counter: 'c', window: 'day', max: 1, by: 'args.gone' }] } } },
    'deny',
  ],
];

for (const [name, file, said] of SUSPENDED) {
  test(`${name} is not enforced on a watched server, and what it says is told`, () => {
    const verdict = evaluate(watched(file), callOf('t', { x: 'yes' }));
    assert.equal(verdict.kind, 'allow');
    assert.equal(verdict.kind === 'allow' ? verdict.watched?.said.kind : null, said);
    assert.equal(verdict.kind === 'allow' ? verdict.watched?.by : null, 'server');
    assert.deepEqual(
      verdict.trace.steps.filter(({ decided }) => decided).map(({ path }) => path),
      ['mode'],
    );
  });

  test(`${name} is not enforced by a watched rule`, () => {
    const { tools } = file as { tools: { t: object } };
    const verdict = evaluate(policyOf({ tools: { t: { ...tools.t, mode: 'watch' } } }), callOf('t', { x: 'yes' }));
    assert.equal(verdict.kind, 'allow');
    assert.equal(verdict.kind === 'allow' ? verdict.watched?.said.kind : null, said);
    assert.equal(verdict.kind === 'allow' ? verdict.watched?.by : null, 'rule');
  });
}

test('the default and all_tools are watched with their server, and not with a rule', () => {
  const file = { default: 'allow', all_tools: { deny_if: yes }, tools: { t: { mode: 'watch', ask_if: yes } } };
  assert.equal(evaluate(watched(file), callOf('t', { x: 'yes' })).kind, 'allow');
  assert.equal(evaluate(policyOf(file), callOf('t', { x: 'yes' })).kind, 'deny');
  assert.equal(evaluate(watched({ tools: {} }), callOf('t')).kind, 'allow');
  const asks = { all_tools: { ask_if: yes }, tools: { t: { mode: 'watch', deny_if: yes } } };
  const verdict = evaluate(policyOf(asks), callOf('t', { x: 'yes' }));
  assert.equal(verdict.kind, 'ask');
  assert.equal(verdict.kind === 'ask' ? verdict.watched?.said.kind : null, 'deny');
});

test('P1: what is hidden, or has no valid name, stays denied while its server or rule is watched', () => {
  const file = { default: 'allow', hide: ['t'], tools: { t: { mode: 'watch' } } };
  for (const policy of [watched(file), policyOf(file)]) {
    assert.equal(evaluate(policy, callOf('t')).kind, 'deny');
    assert.equal(evaluate(policy, callOf('two words')).kind, 'deny');
  }
});

test('a rule that is enforced stays enforced beside a watched one', () => {
  const policy = policyOf({ tools: { t: { action: 'deny', mode: 'watch' }, u: { action: 'deny', mode: 'enforce' } } });
  assert.equal(evaluate(policy, callOf('t')).kind, 'allow');
  assert.equal(evaluate(policy, callOf('u')).kind, 'deny');
});

test('limits that are watched go on counting, and say that they refuse nothing', () => {
  const limits = [{ counter: 'c', window: 'day', max: 1 }];
  const all = [{ counter: 'all', window: 'day', max: 1 }];
  const file = { all_tools: { limits: all }, tools: { t: { mode: 'watch', limits, action: 'deny' } } };
  const takes = (policy: Parameters<typeof evaluate>[0]) => {
    const verdict = evaluate(policy, callOf('t'));
    assert.equal(verdict.kind, 'allow');
    const taken = takesOf(callOf('t'), verdict.kind === 'allow' ? verdict.limits : [], (name) => name);
    return Object.fromEntries(taken.map((take) => [take.counter, take.watched === true]));
  };
  assert.deepEqual(takes(policyOf(file)), { all: false, c: true });
  assert.deepEqual(takes(watched(file)), { all: true, c: true });
});

test('nothing is told of a call that would be allowed anyway', () => {
  const verdict = evaluate(watched({ tools: { t: { deny_if: no } } }), callOf('t', { x: 'yes' }));
  assert.equal(verdict.kind === 'allow' ? verdict.watched : null, undefined);
});

test('tools are not announced as gated while they are only watched, and approvers are needed all the same', () => {
  const file = { tools: { t: { action: 'require_approval', mode: 'watch' } } };
  assert.equal(mayAskOf(policyOf(file), 't'), false);
  assert.equal(mayAskNow(policyOf(file)), false);
  assert.equal(mayAsk(policyOf(file)), true);
  assert.equal(mayAskNow(watched({ default: 'require_approval' })), false);
});

test('a number that a double cannot keep is refused only where something enforced would judge it', () => {
  const text = '{"id":1,"params":{"name":"t","arguments":{"x":9007199254740993}}}';
  const { params } = JSON.parse(text) as { params: { name: string; arguments: JsonObject } };
  const call = { ...callOf('t', params.arguments), params };
  const { inexact } = scan(text);
  const file = { tools: { t: { deny_if: [{ path: 'args.x', op: 'gt', value: 5 }] } } };
  assert.notEqual(judgedInexact(policyOf(file), call, inexact), null);
  assert.equal(judgedInexact(watched(file), call, inexact), null);
  const foreseen = foresee(watched(file), call, inexact);
  assert.equal(foreseen.kind, 'allow');
  assert.match(
    String(foreseen.kind === 'allow' && foreseen.watched?.said.trace.reason),
    /more digits than a double keeps/,
  );
  const all = { all_tools: file.tools.t, tools: { t: { mode: 'watch' } } };
  assert.notEqual(judgedInexact(policyOf(all), call, inexact), null);
});

test('sections are watched with their server: nothing is denied and nothing is left out of lists', () => {
  const file = {
    resources: { default: 'deny' },
    prompts: { default: 'deny' },
    methods: { 'completion/complete': 'deny' },
  };
  for (const [kind, name] of [
    ['resource', 'file:///etc/passwd'],
    ['prompt', 'p'],
    ['method', 'completion/complete'],
    ['method', 'x/unknown'],
  ] as const) {
    const verdict = judgeMethod(watched(file), ASKING_FOR[kind](name));
    assert.equal(verdict.kind, 'allow');
    assert.equal(verdict.kind === 'allow' ? verdict.watched?.said.kind : null, 'deny');
    assert.equal(judgeMethod(policyOf(file), ASKING_FOR[kind](name)).kind, 'deny');
  }
  assert.equal(isDeniedPrompt(watched(file), 'p'), false);
  assert.equal(isDeniedResource(watched(file), 'file:///etc/passwd'), false);
});

test('what is watched is listed: a whole server once, else its rules', () => {
  const rules = policyOf({ tools: { t: { mode: 'watch' }, 'a_*': { mode: 'watch' }, u: {} } });
  assert.deepEqual(
    watchingIn(
      new Map([
        ['one', rules],
        ['two', { ...rules, mode: 'watch' as const }],
        ['three', policyOf({})],
      ]),
    ),
    [
      { server: 'one', rule: 't' },
      { server: 'one', rule: 'a_*' },
      { server: 'two', rule: null },
    ],
  );
});

test('from 14 days on it is long', () => {
  const since = new Date('2026-01-01T00:00:00Z');
  assert.equal(isWatchedLong(since, new Date('2026-01-14T23:59:59Z')), false);
  assert.equal(isWatchedLong(since, new Date('2026-01-15T00:00:00Z')), true);
});

test('mode is enforce or watch', () => {
  assert.match(faultsOf('version: "1"\ndefault: deny\ntools: { t: { mode: off } }').join(), /enforce, or watch/);
  assert.match(faultsOf('version: "1"\ndefault: deny\nmode: watch').join(), /mode/);
});
