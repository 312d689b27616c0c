import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answersMode } from '../../src/domain/approval/answer.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { redact } from '../../src/domain/json/redact.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { DENY_ALL } from '../../src/domain/policy/policy.ts';
import { answersOf, isHidden, redactionOf } from '../../src/domain/policy/rule.ts';
import { callOf, policyOf } from '../support/domain/policy.ts';

const yes = [{ path: 'args.x', op: 'eq', value: 'yes' }];

/** What decides, from the strongest clause to the weakest; `x` is `yes` unless a row says otherwise. */
const PRECEDENCE: [name: string, file: object, verdict: string, decidedBy: string][] = [
  ['hide beats everything', { hide: ['t'], tools: { t: { action: 'allow' } } }, 'deny', 'hide'],
  ['deny_if beats require', { tools: { t: { deny_if: yes, require: yes } } }, 'deny', 'tools.t.deny_if[0]'],
  ['deny_if beats ask_if', { tools: { t: { deny_if: yes, ask_if: yes } } }, 'deny', 'tools.t.deny_if[0]'],
  [
    'require beats ask_if',
    { tools: { t: { require: [{ path: 'args.x', op: 'eq', value: 'no' }], ask_if: yes } } },
    'deny',
    'tools.t.require[0]',
  ],
  ['ask_if beats action allow', { tools: { t: { action: 'allow', ask_if: yes } } }, 'ask', 'tools.t.ask_if[0]'],
  [
    'require_approval asks even where ask_if does not',
    { tools: { t: { action: 'require_approval', ask_if: [{ path: 'args.x', op: 'eq', value: 'no' }] } } },
    'ask',
    'tools.t.action',
  ],
  ['action deny denies', { default: 'allow', tools: { t: { action: 'deny' } } }, 'deny', 'tools.t.action'],
  ['a listed tool without action is allowed', { tools: { t: {} } }, 'allow', 'tools.t.action'],
  ['the default denies what is not listed', { tools: {} }, 'deny', 'default'],
  ['the default asks about what is not listed', { default: 'require_approval' }, 'ask', 'default'],
  ['the default allows what is not listed', { default: 'allow' }, 'allow', 'default'],
  ['all_tools denies listed tools', { all_tools: { deny_if: yes }, tools: { t: {} } }, 'deny', 'all_tools.deny_if[0]'],
  [
    'a denial by default is no question, whatever all_tools asks about',
    { all_tools: { ask_if: yes }, tools: {} },
    'deny',
    'default',
  ],
  [
    'a denial by action is no question either',
    { default: 'allow', all_tools: { ask_if: yes }, tools: { t: { action: 'deny' } } },
    'deny',
    'tools.t.action',
  ],
  [
    'all_tools asks about unlisted tools',
    { default: 'allow', all_tools: { ask_if: yes } },
    'ask',
    'all_tools.ask_if[0]',
  ],
];

for (const [name, file, kind, decidedBy] of PRECEDENCE) {
  test(name, () => {
    const verdict = evaluate(policyOf(file), callOf('t', { x: 'yes' }));
    assert.equal(verdict.kind, kind);
    const deciding = verdict.trace.steps.filter((step) => step.decided);
    assert.deepEqual(
      deciding.map((step) => step.path),
      [decidedBy],
    );
    assert.equal(verdict.trace.steps.at(-1), deciding[0]);
  });
}

test('exact names come first, then the longest glob, then the one written first', () => {
  const rule = (reason: string) => ({ action: 'deny', reason });
  const policy = policyOf({
    tools: {
      '*': rule('star'),
      'get_*': rule('get'),
      '*_key': rule('key'),
      'get_api_*': rule('get_api'),
      get_api_key: rule('exact'),
      'r?d': rule('question'),
    },
  });
  const reasonOf = (tool: string) => evaluate(policy, callOf(tool)).trace.reason;
  assert.equal(reasonOf('get_api_key'), 'exact');
  assert.equal(reasonOf('get_api_keys'), 'get_api');
  assert.equal(reasonOf('get_key'), 'get');
  assert.equal(reasonOf('make_key'), 'key');
  assert.equal(reasonOf('rod'), 'question');
  assert.equal(reasonOf('road'), 'star');
});

test('names outside the charset are denied, whatever the policy says', () => {
  const policy = policyOf({ default: 'allow', tools: { '*': {} } });
  for (const name of ['', 'a b', 'ä', 'a\n', 'a\u0000', 'x'.repeat(129), 'create＿key']) {
    assert.equal(evaluate(policy, callOf(name)).kind, 'deny', JSON.stringify(name));
  }
  assert.equal(evaluate(policy, callOf('a.b/c-d_1')).kind, 'allow');
});

test('with a wildcard one bad element denies or asks, and one that is not good enough fails what is required', () => {
  const one = [{ path: 'args.to[*]', op: 'eq', value: 'evil' }];
  const kinds = (file: object, ...lists: string[][]) =>
    lists.map((to) => evaluate(policyOf({ tools: { t: file } }), callOf('t', { to })).kind);
  const lists = [['good', 'evil'], ['evil', 'evil'], ['good', 'good'], []];
  assert.deepEqual(kinds({ deny_if: one }, ...lists), ['deny', 'deny', 'allow', 'allow']);
  assert.deepEqual(kinds({ ask_if: one }, ...lists), ['ask', 'ask', 'allow', 'allow']);
  assert.deepEqual(kinds({ require: one }, ...lists), ['deny', 'allow', 'deny', 'allow']);
});

test('hide names tools exactly or by glob, and only those', () => {
  const policy = policyOf({ default: 'allow', hide: ['drop_table', 'admin_*'] });
  const hidden = ['drop_table', 'drop_tables', 'admin_', 'admin_x', 'admin', 'constructor'].map((name) =>
    isHidden(policy, name),
  );
  assert.deepEqual(hidden, [true, false, true, true, false, false]);
  assert.equal(evaluate(policy, callOf('admin_x')).trace.steps[0]?.path, 'hide');
  assert.ok(isHidden(policyOf({ hide: ['*'] }), 'anything at all'));
});

test('inherited names are neither rules nor arguments', () => {
  const policy = policyOf({ tools: { t: { require: [{ path: 'args.constructor', op: 'exists' }] } } });
  for (const tool of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    assert.equal(evaluate(policy, callOf(tool)).trace.rule, 'default');
  }
  assert.equal(evaluate(policy, callOf('t')).kind, 'deny');
  assert.equal(evaluate(policy, callOf('t', JSON.parse('{"constructor":1}'))).kind, 'allow');
});

test('a denial tells the agent the author’s words, and what the condition was', () => {
  const policy = policyOf({
    tools: {
      t: {
        reason: 'Keys are for people.',
        require: [
          { path: 'args.role', op: 'in', value: ['viewer'] },
          { path: 'args.days', op: 'lte', value: 30, reason: 'At most 30 days.' },
        ],
      },
    },
  });
  const reasonOf = (args: object) => {
    const verdict = evaluate(policy, callOf('t', args as never));
    return verdict.kind === 'deny' ? verdict.reason : verdict.kind;
  };
  assert.equal(reasonOf({}), 'Keys are for people. (args.role is one of "viewer": the argument is missing)');
  assert.equal(reasonOf({ role: 'admin' }), 'Keys are for people. (args.role is one of "viewer": no)');
  assert.equal(reasonOf({ role: 'viewer', days: 31 }), 'At most 30 days.');
  assert.equal(reasonOf({ role: 'viewer', days: 30 }), 'allow');
});

test('P8: a trace never repeats what the call holds', () => {
  const policy = policyOf({
    tools: {
      t: {
        require: [{ path: 'args.a', op: 'regex', value: '.' }],
        ask_if: [{ path: 'args.a', op: 'contains', value: 'x' }],
        limits: [{ counter: 'c', window: 'day', max: 1, by: 'args.amount' }],
      },
    },
  });
  for (const args of [
    { a: 's3cret' },
    { a: 's3cret', amount: 's3cret' },
    { a: ['s3cret'], amount: 1 },
    { a: 's3cret', amount: 1 },
  ]) {
    assert.doesNotMatch(JSON.stringify(evaluate(policy, callOf('t', args as JsonObject)).trace), /s3cret/);
  }
});

test('P5: an amount that is missing, negative or no number is denied before anything is counted', () => {
  const policy = policyOf({
    tools: { pay: { limits: [{ counter: 'spend', window: 'day', max: 100, by: 'args.order.total' }] } },
  });
  const rows: [unknown, string][] = [
    [undefined, 'is missing'],
    [null, 'is missing'],
    [-0.01, 'is negative'],
    ['-5', 'is negative'],
    ['5 EUR', 'is not a number'],
    [true, 'is not a number'],
    [{}, 'is not a number'],
    ['NaN', 'is not a number'],
    ['Infinity', 'is not a number'],
    ['1'.repeat(31), '30 digits'],
    [1e-13, '12 after'],
  ];
  for (const [total, why] of rows) {
    const verdict = evaluate(policy, callOf('pay', { order: total === undefined ? {} : { total } } as never));
    assert.equal(verdict.kind, 'deny', String(total));
    assert.ok(verdict.trace.reason?.includes(why), `${verdict.trace.reason} should say ${why}`);
  }
  for (const [total, by] of [
    [0, '0'],
    [0.1, '0.1'],
    ['0.10', '0.1'],
    [1e21, '1000000000000000000000'],
    [1e-7, '0.0000001'],
    [-0, '0'],
  ] as const) {
    const verdict = evaluate(policy, callOf('pay', { order: { total } }));
    assert.ok(verdict.kind === 'allow');
    assert.equal(verdict.limits[0]?.by, by);
  }
});

test('limits of all_tools come on top of a tool’s own, and a question carries them too', () => {
  const policy = policyOf({
    all_tools: { limits: [{ counter: 'all', window: 'hour', max: 9 }] },
    tools: { t: { action: 'require_approval', limits: [{ counter: 'own', window: 'day', max: 3, scope: 'session' }] } },
  });
  const verdict = evaluate(policy, callOf('t'));
  assert.ok(verdict.kind === 'ask');
  assert.deepEqual(
    verdict.limits.map((limit) => [limit.counter, limit.scope, limit.max]),
    [
      ['own', 'session', '3'],
      ['all', 'grant', '9'],
    ],
  );
});

test('approval options come from the tool, and what it leaves open from all_tools', () => {
  const policy = policyOf({
    default: 'require_approval',
    all_tools: { approval: { approvers: ['oncall'], timeout: '5m', deny_reason: 'required' } },
    tools: {
      t: {
        action: 'require_approval',
        approval: { quorum: 2, timeout: '2h', remind: '10m', escalate: { after: '1h', to: ['boss'] } },
      },
    },
  });
  const askOf = (tool: string) => {
    const verdict = evaluate(policy, callOf(tool));
    return verdict.kind === 'ask' ? verdict.ask : null;
  };
  assert.deepEqual(askOf('t'), {
    approvers: ['oncall'],
    justification: null,
    quorum: 2,
    timeoutMs: 7_200_000,
    remindMs: 600_000,
    escalate: { afterMs: 3_600_000, to: ['boss'] },
    denyReason: 'required',
    answers: null,
    stepUp: null,
    summary: null,
  });
  assert.equal(askOf('other')?.timeoutMs, 300_000);
});

test('whether answers need a yes: by severity, else as the tool says, else as all_tools says', () => {
  const rows: [severity: string | undefined, tool: string | undefined, all: string | undefined, says: string][] = [
    [undefined, undefined, undefined, 'allow'],
    ['low', undefined, undefined, 'allow'],
    ['medium', undefined, undefined, 'allow'],
    ['high', undefined, undefined, 'ask'],
    ['critical', undefined, undefined, 'ask'],
    ['low', 'ask', undefined, 'ask'],
    ['critical', 'allow', undefined, 'allow'],
    ['critical', undefined, 'allow', 'allow'],
    [undefined, undefined, 'ask', 'ask'],
    [undefined, 'allow', 'ask', 'allow'],
  ];
  const approval = (answers: string | undefined) => (answers === undefined ? {} : { approval: { answers } });
  for (const [severity, tool, all, says] of rows) {
    const policy = policyOf({
      all_tools: approval(all),
      tools: { t: { action: 'require_approval', ...(severity ? { severity } : {}), ...approval(tool) } },
    });
    assert.equal(answersOf(policy, 't'), says, JSON.stringify([severity, tool, all]));
  }
  for (const frozen of ['ask', 'allow', undefined] as const) {
    for (const now of ['ask', 'allow'] as const) {
      assert.equal(answersMode(frozen, now), frozen === 'ask' || now === 'ask' ? 'ask' : 'allow');
    }
  }
});

test('P8: redact hides paths besides what looks secret, and none shows everything', () => {
  const policy = policyOf({
    tools: {
      listed: { redact: ['args.users[*].seed'] },
      open: { redact: 'none' },
      half: { redact: ['none', 'args.seed'] },
    },
  });
  const args = { token: 't', seed: 's', users: [{ seed: 'a', name: 'n' }] };
  const shown = (tool: string) => JSON.parse(JSON.stringify(redact(args, redactionOf(policy, tool))));
  assert.deepEqual(shown('listed'), { token: '[redacted]', seed: 's', users: [{ seed: '[redacted]', name: 'n' }] });
  assert.deepEqual(shown('open'), args);
  assert.deepEqual(shown('half'), { ...args, seed: '[redacted]' });
  assert.equal(shown('unlisted').token, '[redacted]');
});

test('P6: without a policy nothing is allowed', () => {
  assert.equal(evaluate(DENY_ALL, callOf('anything')).kind, 'deny');
});
