import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCases } from '../../src/config/policy/cases.ts';
import { upstreamKey } from '../../src/config/upstream-key.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { callOf, faultsOf, policyOf } from '../support/domain/policy.ts';

const withParams = (params: JsonObject) => ({ ...callOf('t'), params: { name: 't', arguments: {}, ...params } });
const policyText = (rule: object): string => JSON.stringify({ version: '1', default: 'deny', tools: { t: rule } });

test('conditions and amounts reach the other members of params, and those of _meta', () => {
  const policy = policyOf({
    tools: {
      t: {
        deny_if: [{ path: 'params.options.database', op: 'eq', value: 'prod' }],
        require: [{ path: 'meta["acme.com/tenant"]', op: 'in', value: ['a', 'b'] }],
        limits: [{ counter: 'c', window: 'day', max: 10, by: 'params.options.rows' }],
      },
    },
  });
  const say = (database: string, tenant: string) => {
    const options = { database, rows: 4 };
    return evaluate(policy, withParams({ options, _meta: { 'acme.com/tenant': tenant } }));
  };
  assert.equal(say('prod', 'a').kind, 'deny');
  assert.equal(say('test', 'c').kind, 'deny');
  const allowed = say('test', 'a');
  assert.equal(allowed.kind === 'allow' && allowed.limits[0]?.by, '4');
  assert.equal(evaluate(policy, withParams({})).kind, 'deny', 'missing never slips through');
  assert.equal(evaluate(policy, withParams({ _meta: ['acme.com/tenant'] as never })).kind, 'deny');
});

test('an argument of that name is not the other member, and inherited members are none', () => {
  const policy = policyOf({ tools: { t: { require: [{ path: 'params.mode', op: 'eq', value: 'safe' }] } } });
  const call = { ...callOf('t', { mode: 'safe', params: { mode: 'safe' } }) };
  assert.equal(evaluate(policy, call).kind, 'deny');
  const inherited = policyOf({ tools: { t: { require: [{ path: 'params.constructor', op: 'exists' }] } } });
  assert.equal(evaluate(inherited, withParams({})).kind, 'deny');
});

test('params. does not lead to what has paths of its own, and the fault says which', () => {
  for (const [path, says] of [
    ['params.arguments.role', /args\./],
    ['params["arguments"].role', /args\./],
    ['params._meta.x', /meta\./],
    ['params.name', /a rule under the name of the tool/],
    ['meta.progressToken', /progressToken only says where progress goes/],
    ['meta["progressToken"]', /progressToken only says where progress goes/],
    ['meta.progressToken.n', /progressToken only says where progress goes/],
    ['meta["holdfast/reason"]', /never forwarded/],
    ['meta.holdfast/limits[0]', /never forwarded/],
    ['params.progressToken', null],
    ['meta["acme.com/progressToken"]', null],
    ['headers.x', /a path such as args\.role.*params\.options.*meta\["acme\.com\/tenant"\]/],
    ['meta.acme.com/tenant', null],
    ['params', /a path such as/],
    ['meta', /a path such as/],
  ] as const) {
    for (const rule of [
      { require: [{ path, op: 'exists' }] },
      { redact: [path] },
      { limits: [{ counter: 'c', window: 'day', max: 1, increment_from: path }] },
    ]) {
      const faults = faultsOf(policyText(rule), 'p.json').join('\n');
      if (says === null) assert.equal(faults, '');
      else
        assert.match(
          faults,
          'limits' in rule && !/^params|^meta./.test(path) ? /the path of an argument/ : /\(expected /,
          path,
        );
      if (says !== null && !('limits' in rule)) assert.match(faults, says);
    }
  }
});

test('every member of _meta is every one that policy may judge', () => {
  const policy = policyOf({ tools: { t: { require: [{ path: 'meta[*]', op: 'eq', value: 'a' }] } } });
  const say = (meta: JsonObject) => evaluate(policy, withParams({ _meta: meta })).kind;
  assert.equal(say({ progressToken: 9007199254740992, 'holdfast/reason': 'why', tenant: 'a' }), 'allow');
  assert.equal(say({ tenant: 'b' }), 'deny');
});

test('P1: a number that a double cannot keep is a fault of a policy, where it stands and as it is written', () => {
  const condition = (value: string, op = 'in') =>
    `{"version":"1","default":"deny","tools":{"t":{"require":[{"path":"args.id","op":"${op}","value":${value}}]}}}`;
  assert.deepEqual(faultsOf(condition('[1,9007199254740993]'), 'p.json'), [
    'p.json:1:97: tools.t.require[0].value[1]: is 9007199254740993, which a double cannot keep (it would be read as 9007199254740992) (expected a number of at most 15 digits, or all its digits as text, in quotes)',
  ]);
  for (const value of ['30.00000000000000000001', '1e400', '-9007199254740993', '0.10000000000000000001']) {
    assert.match(faultsOf(condition(value, 'gt'), 'p.json').join(), /which a double cannot keep/, value);
    assert.match(faultsOf(condition(value, 'gt').replaceAll(':', ': '), 'p.yaml').join(), /cannot keep|no such value/);
  }
  for (const value of ['9007199254740992', '0.1', '1e3', '"9007199254740993"', '"30.00000000000000000001"', '-0']) {
    assert.deepEqual(faultsOf(condition(value, 'gt'), 'p.json'), [], value);
  }
  const yaml = (value: string) =>
    faultsOf(`version: "1"\ndefault: deny\ntools:\n  t:\n    limits: [{ counter: c, window: day, max: ${value} }]\n`);
  for (const value of ['0x20000000000001', '+9007199254740993', '0o400000000000000001', '90071992547409930000001.5']) {
    assert.match(yaml(value).join(), /which a double cannot keep/, value);
  }
  for (const value of ['0x20', '+5', '0o17', '5.', '.5', '012', '"9007199254740993"'])
    assert.deepEqual(yaml(value), [], value);
});

test('P1: half of a surrogate pair is a fault of a policy', () => {
  const rule =
    '{"version":"1","default":"deny","tools":{"t":{"require":[{"path":"args.id","op":"eq","value":"x\\ud800"}]}}}';
  assert.match(faultsOf(rule, 'p.json').join(), /require\[0\]\.value: holds half of a surrogate pair/);
  assert.match(faultsOf(rule, 'p.yaml').join(), /half of a surrogate pair|valid YAML/);
});

test('a test case may send any number, and expect that it is refused', () => {
  const text = `- { name: huge, tool: t, args: { n: 9007199254740993, l: [1, 30.00000000000000000001] }, expect: refused }
- { name: other parts, tool: t, params: { options: { n: 1 } }, meta: { "acme.com/n": 9007199254740993 }, expect: ask }
`;
  const parsed = parseCases(text, { path: 'p.test.yaml' });
  assert.ok(parsed.ok);
  assert.deepEqual(
    parsed.cases.map(({ inexact }) => inexact.list.map(({ pointer, kind }) => `${kind} ${pointer}`)),
    [['number /params/arguments/n', 'number /params/arguments/l/1'], ['number /params/_meta/acme.com~1n']],
  );
  assert.deepEqual(parsed.cases[1]?.params, { options: { n: 1 } });
  const elsewhere = parseCases('- { name: 9007199254740993, tool: t, expect: allow }', { path: 'p.test.yaml' });
  assert.match(JSON.stringify(elsewhere), /which a double cannot keep/);
});

test('P5: one upstream has one key, whichever of its names leads there, and no address is in it', () => {
  const http = (url: string) => upstreamKey({ upstream: { kind: 'http', url, headers: {} } });
  const stdio = (...command: [string, ...string[]]) =>
    upstreamKey({ upstream: { kind: 'stdio', command, env: {}, cwd: null, runAs: null, sandbox: null } });
  const same = [
    'http://localhost:9000/mcp',
    'http://127.0.0.1:9000/mcp/',
    'HTTP://[::1]:9000/mcp?key=k#f',
    'http://LOCALHOST.:9000/mcp',
  ];
  assert.equal(new Set(same.map(http)).size, 1);
  assert.equal(http('https://a.example/mcp'), http('https://A.EXAMPLE:443/mcp'));
  const others = [
    'http://localhost:9001/mcp',
    'https://localhost:9000/mcp',
    'http://localhost:9000/other',
    'http://a.example:9000/mcp',
  ];
  assert.equal(new Set([same[0]!, ...others].map(http)).size, 5);
  assert.notEqual(stdio('npx', 'a'), stdio('npx', 'b'));
  assert.notEqual(stdio('npx a'), stdio('npx', 'a'));
  assert.match(http('https://a.example/s3cret/mcp'), /^upstream [0-9a-f]{32}$/);
});

test('a limit is shared by upstream only where that has a meaning', () => {
  const faults = (limit: object) =>
    faultsOf(policyText({ limits: [{ counter: 'c', window: 'day', max: 1, ...limit }] }), 'p.json').join();
  assert.equal(faults({ shared: 'upstream' }), '');
  assert.equal(faults({ shared: 'upstream', scope: 'server' }), '');
  assert.match(faults({ shared: 'upstream', scope: 'session' }), /cannot hold for a session/);
  assert.match(faults({ shared: 'upstream', scope: 'global' }), /has no meaning with scope global/);
  assert.match(faults({ shared: 'everywhere' }), /one of server, upstream/);
});
