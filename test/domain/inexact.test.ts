import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MOST_INEXACT } from '../../src/domain/call/inexact.ts';
import { isExact } from '../../src/domain/json/exact-number.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { OPERATORS } from '../../src/domain/policy/condition.ts';
import { foresee } from '../../src/domain/policy/foresee.ts';
import { inexactWords, judgedInexact } from '../../src/domain/policy/inexact.ts';
import type { Policy } from '../../src/domain/policy/policy.ts';
import { scan } from '../../src/mcp/json/scan.ts';
import { callOf, policyOf } from '../support/domain/policy.ts';

/** A message as it is written, and the call in it. */
function arriving(text: string) {
  const { params } = JSON.parse(text) as { params: { name: string; arguments?: JsonObject } };
  return { call: { ...callOf(params.name, params.arguments ?? {}), params }, inexact: scan(text).inexact };
}

const message = (args: string, more = '') => `{"id":1,"params":{"name":"t","arguments":${args}${more}}}`;

function judged(policy: Policy, text: string) {
  const { call, inexact } = arriving(text);
  return judgedInexact(policy, call, inexact);
}

const HUGE = '9007199254740993';
const VALUES: Partial<Record<(typeof OPERATORS)[number], unknown>> = {
  in: [1, 2],
  not_in: [1, 2],
  regex: 'x',
  starts_with: 'x',
  path_under: '/x',
};

for (const op of OPERATORS.filter((each) => each !== 'exists')) {
  test(`P1: ${op} never judges an inexact number, wherever the condition stands`, () => {
    const condition = { path: 'args.x', op, value: VALUES[op] ?? 1 };
    for (const place of ['deny_if', 'require', 'ask_if']) {
      for (const shape of [condition, { any: [{ path: 'args.y', op: 'exists' }, { all: [condition] }] }]) {
        const policy = policyOf({ tools: { t: { [place]: [shape] } } });
        const found = judged(policy, message(`{"y":1,"x":${HUGE}}`));
        assert.equal(found?.pointer, '/params/arguments/x');
        assert.equal(found?.judge, `tools.t.${place}[0]`);
        assert.equal(
          judged(policyOf({ default: 'allow', all_tools: { [place]: [shape] } }), message(`{"x":${HUGE}}`))?.judge,
          `all_tools.${place}[0]`,
        );
        assert.equal(judged(policy, message(`{"x":1,"z":${HUGE}}`)), null, 'another member');
      }
    }
  });
}

test('P1: that something exists does not depend on its digits', () => {
  const policy = policyOf({ tools: { t: { require: [{ path: 'args.x', op: 'exists' }] } } });
  assert.equal(judged(policy, message(`{"x":${HUGE}}`)), null);
});

const REACHED: [path: string, args: string, more: string, reached: boolean][] = [
  ['args.x', `{"x":[1,[${HUGE}]]}`, '', true],
  ['args.x', `{"x":{"deep":${HUGE}}}`, '', true],
  ['args.x.y', `{"x":{"z":${HUGE}}}`, '', false],
  ['args.x.y', `{"x":${HUGE}}`, '', true],
  ['args.x[*].y', `{"x":[{"y":1},{"y":${HUGE}}]}`, '', true],
  ['args.x[*].y', `{"x":[{"z":${HUGE}}]}`, '', false],
  ['args.x[0]', `{"x":[1,${HUGE}]}`, '', false],
  ['args.x[1]', `{"x":[1,${HUGE}]}`, '', true],
  ['args["a/b~c"]', `{"a/b~c":${HUGE}}`, '', true],
  ['args.params', `{"x":1}`, `,"params":${HUGE}`, false],
  ['params.options.limit', `{"x":${HUGE}}`, ',"options":{"limit":1}', false],
  ['params.options.limit', '{}', `,"options":{"limit":${HUGE}}`, true],
  ['meta["acme.com/n"]', '{}', `,"_meta":{"acme.com/n":${HUGE}}`, true],
  ['meta["acme.com/n"]', `{"acme.com/n":${HUGE}}`, ',"_meta":{"acme.com/n":1}', false],
  ['meta[*]', '{}', `,"_meta":{"progressToken":${HUGE}}`, false],
  // A reader who mends the name could find it where this path leads.
  ['args.x.y', '{"x":{"y\\ud800":1}}', '', true],
  ['args.z', '{"x":{"y\\ud800":1}}', '', false],
];

for (const [path, args, more, reached] of REACHED) {
  test(`P1: ${path} ${reached ? 'reaches' : 'does not reach'} what is inexact in ${args}${more}`, () => {
    const policy = policyOf({ tools: { t: { deny_if: [{ path, op: 'eq', value: 7 }] } } });
    assert.equal(judged(policy, message(args, more)) !== null, reached);
  });
}

test('P5: a limit never counts an inexact amount', () => {
  const limits = [{ counter: 'c', window: 'day', max: 9, by: 'args.amount' }];
  const policy = policyOf({ tools: { t: { limits } } });
  assert.equal(judged(policy, message('{"amount":0.1000000000000000000001}'))?.judge, 'tools.t.limits[0].by');
  assert.equal(judged(policy, message(`{"amount":0.1,"note":${HUGE}}`)), null);
});

test('P1: a call that is denied whatever it says is denied', () => {
  const deny = { deny_if: [{ path: 'args.x', op: 'gt', value: 1 }] };
  for (const file of [
    { tools: { t: { action: 'deny', ...deny } } },
    { hide: ['t'], tools: { t: deny } },
    { default: 'deny', all_tools: deny },
  ]) {
    const policy = policyOf(file);
    assert.equal(judged(policy, message(`{"x":${HUGE}}`)), null);
    const { call, inexact } = arriving(message(`{"x":${HUGE}}`));
    assert.equal(foresee(policy, call, inexact).kind, 'deny');
  }
});

test('P1: an approver is never shown an inexact value, but for what nobody judges', () => {
  const policy = policyOf({ tools: { t: { action: 'require_approval' } } });
  const kindOf = (text: string) => {
    const { call, inexact } = arriving(text);
    return foresee(policy, call, inexact).kind;
  };
  for (const number of ['30.00000000000000000001', '9223372036854775808', '1e400', HUGE]) {
    assert.equal(kindOf(message(`{"x":${number}}`)), 'refused');
    assert.equal(kindOf(message('{}', `,"options":{"x":${number}}`)), 'refused');
    assert.equal(kindOf(message('{}', `,"_meta":{"x":${number}}`)), 'refused');
    assert.equal(kindOf(message('{}', `,"_meta":{"progressToken":{"x":${number}}}`)), 'refused');
    assert.equal(
      kindOf(message('{}', `,"_meta":{"progressToken":${number}}`).replace('"id":1', `"id":${number}`)),
      'ask',
    );
  }
  for (const number of ['-0', '0.1e1', '1E2', '1.50', '9007199254740992', '1e22', '5e-324']) {
    assert.equal(kindOf(message(`{"x":${number}}`)), 'ask', number);
  }
});

test('P1: more inexact values than are listed are refused as soon as anything is judged', () => {
  const many = `[${Array.from({ length: MOST_INEXACT + 1 }, () => HUGE).join()}]`;
  const free = policyOf({ tools: { t: {} } });
  const strict = policyOf({ tools: { t: { require: [{ path: 'args.x', op: 'eq', value: 1 }] } } });
  assert.equal(judged(free, message(`{"many":${many}}`)), null);
  const found = judged(strict, message(`{"many":${many},"x":1}`));
  assert.equal(found?.pointer, null);
  assert.match(inexactWords(found!).why, /^the call has more than 32 values/);
  assert.equal(
    judged(strict, message(`{"many":${many.replace(`${HUGE},`, '')},"x":1}`)),
    null,
    'as many as are listed',
  );
});

test('P1: no condition answers differently about a number than about its exact text', () => {
  const number = fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.nat(24)).map(([units, scale]) => {
    const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
    const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
    return `${units < 0n ? '-' : ''}${text}`;
  });
  const op = fc.constantFrom('lt', 'lte', 'gt', 'gte');
  fc.assert(
    fc.property(number, number, op, (given, value, operator) => {
      const policy = policyOf({ tools: { t: { ask_if: [{ path: 'args.x', op: operator, value }] } } });
      const asNumber = arriving(message(`{"x":${given}}`));
      const asText = arriving(message(`{"x":"${given}"}`));
      const said = foresee(policy, asNumber.call, asNumber.inexact).kind;
      assert.equal(said === 'refused', !isExact(given));
      if (said !== 'refused') assert.equal(said, foresee(policy, asText.call, asText.inexact).kind);
    }),
  );
});

test('a text that is no plain decimal is never compared as one', () => {
  const policy = policyOf({ tools: { t: { require: [{ path: 'args.x', op: 'lte', value: 30 }] } } });
  const said = (x: string) => foresee(policy, callOf('t', { x }), { list: [], more: false }).kind;
  for (const x of [
    '1e1',
    '+5',
    '05',
    '.5',
    '5.',
    '1_0',
    '١',
    '５',
    '5\u0000',
    '5\n',
    ' 5',
    '0x5',
    '--5',
    '',
    '-',
    'NaN',
    'Infinity',
  ]) {
    assert.equal(said(x), 'deny', JSON.stringify(x));
  }
  for (const x of ['5', '-5', '0', '-0', '29.99999999999999999999', '30.000']) assert.equal(said(x), 'allow', x);
});

test('what is told of a number says what is wrong with it', () => {
  const policy = policyOf({ tools: { t: { require: [{ path: 'args.x', op: 'lt', value: 5 }] } } });
  for (const [x, told] of [
    [HUGE, /\/x has more digits than a double keeps/],
    ['1e400', /\/x is too large for a double/],
    ['-1e400', /\/x is too large for a double/],
    ['1e-400', /\/x is too near to 0 for a double/],
  ] as const) {
    const { why, mend } = inexactWords(judged(policy, message(`{"x":${x}}`))!);
    assert.match(why, told);
    assert.equal(mend, 'Send it as a string, with all its digits, and call again.');
  }
});
