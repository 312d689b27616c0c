import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { keptTerminal } from '../support/terminal.ts';

const POLICY = `version: "1"
default: deny
tools:
  list: {}
  create_api_key:
    risk: write
    severity: high
    action: require_approval
    reason: Creates a credential.
    limits: [{ counter: keys, window: minute, max: 30 }]
    approval: { approvers: [security], timeout: 10m }
`;
const CONFIG = `version: "1"
servers:
  prometheus: { url: "http://127.0.0.1:1/", headers: { Authorization: "\${NOT_SET_HERE}" }, policy: p.yaml }
  other: { url: "http://127.0.0.1:1/", policy: p.yaml }
grants:
  - { name: bot, token_sha256: "${'ab'.repeat(32)}", servers: [prometheus], owner: U0SAM }
approvers: { security: [U0MIRA] }
`;
const CASES = `- { name: lists, tool: list, expect: allow }
- name: asks about keys
  tool: create_api_key
  args: { role: viewer }
  expect: ask
  reason: credential
- { name: denies the rest, tool: nuke, expect: deny, reason: not in the policy }
`;

async function run(files: Record<string, string>, ...argv: string[]) {
  const cwd = mkdtempSync(join(tmpdir(), 'holdfast-policy-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(cwd, name)), { recursive: true });
      writeFileSync(join(cwd, name), text);
    }
    const { terminal: io, out, err } = keptTerminal({ cwd });
    const code = await runCommandLine(['policy', ...argv], io);
    return { code, out: out(), err: err() };
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

const WHOLE = { 'holdfast.yaml': CONFIG, 'p.yaml': POLICY, 'p.test.yaml': CASES };

test('check says ok of good files and of everything the config leads to, without needing its secrets', async () => {
  const named = await run(WHOLE, 'check', 'p.yaml', 'p.test.yaml');
  assert.equal(named.code, 0, named.err);
  assert.match(named.out, /^ok p\.yaml: 2 rules, default deny, sha256 [0-9a-f]{12}\nok p\.test\.yaml: 3 cases\n$/);
  const all = await run(WHOLE, 'check');
  assert.equal(all.code, 0, all.err);
});

test('P5: check says which limits are counted per session, and that a session is easily changed', async () => {
  const tools =
    'tools:\n  read: { rate_limit: 5/hour }\n  list: { limits: [{ counter: c, window: day, max: 3, scope: session }] }\n';
  const { code, out } = await run({ 'p.yaml': `version: "1"\ndefault: deny\n${tools}` }, 'check', 'p.yaml');
  assert.equal(code, 0);
  assert.match(
    out,
    /^hint p.yaml: tools.read.rate_limit and 1 more: counted per session, .* scope: grant counts all of them$/m,
  );
  assert.doesNotMatch((await run({ 'p.yaml': POLICY }, 'check', 'p.yaml')).out, /hint/);
});

test('check prints every fault of every file in a form that editors jump to', async () => {
  const bad = { 'a.yaml': POLICY.replace('default: deny', 'default: denny'), 'b.json': '{"version":"1"}' };
  const { code, out, err } = await run(bad, 'check', 'a.yaml', 'b.json', 'missing.yaml');
  assert.equal(code, 1);
  assert.equal(out, '');
  assert.match(
    err,
    /^a\.yaml:2:10: default: is "denny" \(expected one of allow, deny, require_approval\)\nb\.json:1:1: default: is missing/,
  );
  assert.match(err, /^missing\.yaml: cannot be read/m);
  assert.match(err, /^3 faults$/m);
});

test('check finds groups that the config does not know', async () => {
  const { code, err } = await run({ ...WHOLE, 'holdfast.yaml': CONFIG.replace('security:', 'others:') }, 'check');
  assert.equal(code, 1);
  assert.match(err, /^p\.yaml:11:\d+: tools\.create_api_key\.approval\.approvers\[0\]: is "security"/);
});

test('P8: explain shows the verdict, why, the limits and who may approve, and no secret argument', async () => {
  const args = JSON.stringify({ role: 'viewer', token: 's3cret' });
  const { code, out, err } = await run(
    WHOLE,
    'explain',
    '--server',
    'prometheus',
    '--tool',
    'create_api_key',
    '--args',
    args,
    '--grant',
    'bot',
  );
  assert.equal(code, 0, err);
  assert.match(out, /^prometheus\.create_api_key: ask\n/);
  assert.match(out, /reason +Creates a credential\./);
  assert.match(out, /risk write, severity high/);
  assert.match(out, /=> tools\.create_api_key\.action: action is require_approval/);
  assert.match(out, /keys: at most 30 per minute and grant; this call takes 1/);
  assert.match(out, /1 of security \(U0MIRA\), never U0SAM/);
  assert.match(out, /timeout +600 s/);
  assert.match(out, /"token":"\[redacted\]"/);
  assert.doesNotMatch(out, /s3cret/);
});

test('P1: explain says that a call is refused whose number a double cannot keep, and shows the other parts', async () => {
  const policy = `${POLICY}  paid:
    require: [{ path: args.amount, op: lte, value: 30 }]
    deny_if: [{ all: [{ path: 'meta["acme.com/tenant"]', op: exists }, { path: 'meta["acme.com/tenant"]', op: eq, value: x }] }]
`;
  const explain = (tool: string, ...more: string[]) =>
    run({ 'p.yaml': policy }, 'explain', '--policy', 'p.yaml', '--tool', tool, ...more);
  const refused = await explain('paid', '--args', '{"amount":30.00000000000000000001}');
  assert.match(refused.out, /^server\.paid: refused\n/);
  assert.match(refused.out, /=> tools\.paid\.require\[0\]: the number at \/params\/arguments\/amount has more digits/);
  const other = [
    '--args',
    '{"amount":5}',
    '--params',
    '{"options":{"token":"t"}}',
    '--meta',
    '{"acme.com/tenant":"x"}',
  ];
  const denied = await explain('paid', ...other);
  assert.match(denied.out, /^server\.paid: deny\n/);
  assert.match(denied.out, /params +\{"options":\{"token":"\[redacted\]"\}\}\n +meta +\{"acme\.com\/tenant":"x"\}/);
  assert.match(denied.out, /hidden +0 by the policy's redact, 1 because of their names/);
  const shown = await explain('create_api_key', '--args', '{"n":9007199254740993}');
  assert.match(shown.out, /^server\.create_api_key: refused\n/);
  const apart = await explain('list', '--args', '{"n":9007199254740993}');
  assert.match(apart.out, /^server\.list: allow\n/);
  const misplaced = await explain('list', '--params', '{"_meta":{}}');
  assert.deepEqual([misplaced.code, /_meta is given by --meta/.test(misplaced.err)], [2, true]);
});

test('explain and test cases ask about a tool call by its tool, not as a method', async () => {
  const { code, err } = await run({ 'p.yaml': POLICY }, 'explain', '--policy', 'p.yaml', '--method', 'tools/call');
  assert.equal(code, 2);
  assert.match(err, /asks about a tool call with --tool NAME/);
  const cases = { ...WHOLE, 'p.test.yaml': '- { name: calls, method: tools/call, expect: allow }\n' };
  assert.match((await run(cases, 'check', 'p.test.yaml')).err, /method: is tools\/call, .*expected tool: NAME/);
});

test('P10: check hints at what is hidden because of its name, until the policy declares it', async () => {
  const cases = CASES.replace(
    '{ role: viewer }',
    '{ role: viewer, api_token: t, tokens: [a], token_transfer: { to: x } }',
  );
  const files = { ...WHOLE, 'p.test.yaml': cases };
  const { code, out } = await run(files, 'check', 'p.yaml');
  assert.equal(code, 0);
  const hints = out.split('\n').filter((line) => line.startsWith('hint '));
  assert.deepEqual(hints, [
    "hint p.yaml: tools.create_api_key: args.api_token is hidden because of its name; declare it (redact: ['args.api_token']) so that one click can approve",
    "hint p.yaml: tools.create_api_key: args.tokens[*] is hidden because of its name; declare it (redact: ['args.tokens[*]']) so that one click can approve",
  ]);
  const declared = POLICY.replace('    risk: write', "    redact: [args.api_token, 'args.tokens[*]']\n    risk: write");
  assert.doesNotMatch((await run({ ...files, 'p.yaml': declared }, 'check', 'p.yaml')).out, /hint/);
  const byCondition = POLICY.replace(
    '    risk: write',
    '    require: [{ path: args.seed_password, op: exists }]\n    risk: write',
  );
  assert.match((await run({ ...WHOLE, 'p.yaml': byCondition }, 'check')).out, /^hint p\.yaml: .*args\.seed_password/m);
});

test('check hints at a key for resources that allows more than a query', async () => {
  const section = 'resources: { "x://a?b=*": allow, "x://c?d=*": deny, "x://e?": allow }';
  const { code, out } = await run({ 'p.yaml': `version: "1"\ndefault: deny\n${section}\n` }, 'check', 'p.yaml');
  assert.equal(code, 0);
  const hints = out.split('\n').filter((line) => line.startsWith('hint '));
  assert.equal(hints.length, 1);
  assert.match(hints[0]!, /^hint p.yaml: resources.x:\/\/a\?b=\*: \? stands for any one character/);
});

test('P5: check hints at two names for one upstream whose limits count apart', async () => {
  const { out } = await run(WHOLE, 'check');
  assert.match(
    out,
    /^hint holdfast\.yaml: servers prometheus and other lead to the same upstream, .*\(keys\).*shared: upstream/m,
  );
  const shared = POLICY.replace('max: 30', 'max: 30, shared: upstream');
  assert.doesNotMatch((await run({ ...WHOLE, 'p.yaml': shared }, 'check')).out, /hint/);
  const explained = await run({ 'p.yaml': shared }, ...['explain', '--policy', 'p.yaml', '--tool', 'create_api_key']);
  assert.match(
    explained.out,
    /keys: at most 30 per minute and grant, of all servers of its upstream; this call takes 1/,
  );
  const perSession = POLICY.replace('limits: [{ counter: keys, window: minute, max: 30 }]', 'rate_limit: 5/hour');
  assert.doesNotMatch((await run({ ...WHOLE, 'p.yaml': perSession }, 'check')).out, /same upstream/);
  const apart = CONFIG.replace('127.0.0.1:1/", policy', '127.0.0.1:2/", policy');
  assert.doesNotMatch((await run({ ...WHOLE, 'holdfast.yaml': apart }, 'check')).out, /hint/);
});

test('explain warns when only the agent’s owner could approve', async () => {
  const alone = { ...WHOLE, 'holdfast.yaml': CONFIG.replace('U0MIRA', 'U0SAM') };
  const ask = ['explain', '--server', 'prometheus', '--tool', 'create_api_key', '--grant', 'bot'];
  assert.match((await run(alone, ...ask)).out, /warning +without U0SAM there are too few/);
  assert.doesNotMatch((await run(WHOLE, ...ask)).out, /warning/);
});

test('explain says when policy is not even asked, and speaks JSON for programs', async () => {
  const refused = await run(WHOLE, 'explain', '--server', 'other', '--tool', 'list', '--grant', 'bot');
  assert.match(refused.out, /bot cannot call other/);
  const { out } = await run(WHOLE, 'explain', '--policy', 'p.yaml', '--tool', 'nuke', '--json');
  assert.equal(JSON.parse(out).kind, 'deny');
});

test('test runs the cases beside a policy and tells what came instead', async () => {
  const good = await run(WHOLE, 'test');
  assert.deepEqual([good.code, good.out], [0, '3 passed, 0 failed\n'], good.err);
  const wrong = CASES.replace('tool: list, expect: allow', 'tool: list, expect: ask').replace(
    'reason: credential',
    'reason: nothing',
  );
  const bad = await run({ ...WHOLE, 'p.test.yaml': wrong }, 'test', 'p.test.yaml');
  assert.equal(bad.code, 1);
  assert.match(
    bad.err,
    /^p\.test\.yaml:1:1: lists: expected ask, got allow \(tools\.list\.action: action is allow\)$/m,
  );
  assert.match(bad.err, /^p\.test\.yaml:2:1: asks about keys: expected the reason to say "nothing"/m);
  assert.match(bad.out, /^1 passed, 2 failed$/m);
});

test('test refuses cases without a policy, with two, or with a fault', async () => {
  const alone = await run({ 'p.test.yaml': CASES }, 'test', 'p.test.yaml');
  assert.equal(alone.code, 1);
  assert.match(alone.err, /has no policy beside it/);
  const two = await run({ ...WHOLE, 'p.json': '{}' }, 'test', 'p.test.yaml');
  assert.match(two.err, /stands beside both/);
  const fault = await run(
    { ...WHOLE, 'p.test.yaml': '- { name: x, tool: y, expects: allow }\n' },
    'test',
    'p.test.yaml',
  );
  assert.equal(fault.code, 1);
  assert.match(fault.err, /^p\.test\.yaml:1:\d+: \[0\]\.expects: unknown key, perhaps expect is meant/m);
});

test('the repository’s own policies pass their own check and cases', async () => {
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  const { terminal: io, err } = keptTerminal({ cwd });
  const files = readdirSync(join(cwd, 'policies'))
    .filter((name) => name !== 'schema.json' && name !== 'README.md')
    .map((name) => `policies/${name}`);
  assert.equal(await runCommandLine(['policy', 'check', ...files], io), 0, err());
  assert.equal(
    await runCommandLine(['policy', 'test', ...files.filter((name) => name.includes('.test.'))], io),
    0,
    err(),
  );
  for (const file of files) {
    if (!file.includes('.test.'))
      assert.ok(files.includes(file.replace(/\.\w+$/, '.test.yaml')), `${file} has no cases`);
  }
});

const MISUSE: [name: string, argv: string[], says: RegExp][] = [
  ['no verb', [], /say what to do/],
  ['an unknown verb', ['frobnicate'], /unknown command 'frobnicate'/],
  ['an unknown option', ['check', '--frob'], /--frob/],
  ['explain without a tool', ['explain', '--server', 'prometheus'], /needs one of --tool/],
  [
    'explain of two things',
    ['explain', '--policy', 'p.yaml', '--tool', 'x', '--method', 'ping'],
    /needs one of --tool, --resource, --prompt and --method/,
  ],
  ['arguments that are no JSON', ['explain', '--policy', 'p.yaml', '--tool', 'x', '--args', '{'], /--args/],
  [
    'arguments that are no object',
    ['explain', '--policy', 'p.yaml', '--tool', 'x', '--args', '[]'],
    /must be a JSON object/,
  ],
  ['an unknown server', ['explain', '--server', 'nowhere', '--tool', 'x'], /no server nowhere/],
  ['an unknown grant', ['explain', '--server', 'prometheus', '--tool', 'x', '--grant', 'nobody'], /no grant nobody/],
];

for (const [name, argv, says] of MISUSE) {
  test(`${name} ends with 2 and says how to do it`, async () => {
    const { code, err } = await run(WHOLE, ...argv);
    assert.equal(code, 2);
    assert.match(err, says);
    assert.match(err, /Usage:/);
  });
}

test('check and test take folders, with all that is below, and nothing else', async () => {
  const files = {
    'p/a.yaml': POLICY,
    'p/a.test.yaml': CASES,
    'p/deep/b.json': '{"version":"1","default":"deny","tools":{}}',
    'p/schema.json': '{}',
    'p/README.md': 'no policy',
    'p/.hidden/c.yaml': 'no policy: at all',
    'p/holdfast.yaml': 'servers: {}',
    'p/package.json': '{}',
    'q/notes.txt': 'none',
  };
  const checked = await run(files, 'check', 'p');
  assert.equal(checked.code, 0, checked.err);
  assert.match(
    checked.out,
    /^ok p\/a\.test\.yaml: 3 cases\nok p\/a\.yaml: 2 rules, .*\nok p\/deep\/b\.json: 0 rules, .*\n$/,
  );
  const tested = await run(files, 'test', 'p');
  assert.deepEqual([tested.code, tested.out], [0, '3 passed, 0 failed\n'], tested.err);
  const empty = await run(files, 'check', 'q');
  assert.equal(empty.code, 1);
  assert.match(empty.err, /^q: is a folder without any such file/);
  const bad = await run({ ...files, 'p/deep/b.json': '{"version":"1"}' }, 'check', 'p', '--json');
  const { ok, faults } = JSON.parse(bad.out);
  assert.deepEqual([bad.code, ok, faults[0].file], [1, false, 'p/deep/b.json']);
  const failing = await run(
    { ...files, 'p/a.test.yaml': CASES.replace('expect: allow', 'expect: deny') },
    'test',
    'p',
    '--json',
  );
  const report = JSON.parse(failing.out);
  assert.deepEqual([failing.code, report.ok, report.passed, report.failed[0].name], [1, false, 2, 'lists']);
});

test('quorum per group: explain says who is missing and of whom, test expects it', async () => {
  const policy = POLICY.replace(
    '{ approvers: [security], timeout: 10m }',
    '{ approvers: [security, dba], quorum: { security: 1, dba: 1 } }',
  );
  const config = CONFIG.replace(
    'approvers: { security: [U0MIRA] }',
    'approvers: { security: [U0MIRA, S0SEC], dba: [U0DAN] }\nstand_ins: [{ group: dba, for: U0DAN, by: U0ALEX, until: 2099-01-01 }]',
  );
  const files = { 'holdfast.yaml': config, 'p.yaml': policy };
  const said = await run(files, 'explain', '--server', 'prometheus', '--tool', 'create_api_key');
  assert.match(said.out, /approval {3}1 of security and 1 of dba, from security, dba \(U0MIRA, U0DAN, S0SEC\)/);
  assert.match(said.out, /missing {4}1 of security, 1 of dba still missing, as long as nobody has approved/);
  assert.match(said.out, /of security U0MIRA, S0SEC\n/);
  assert.match(said.out, /stand-in {3}U0ALEX stands in for U0DAN in dba until 2099-01-01T00:00:00\.000Z/);
  const expecting = (missing: string) => `- { name: n, tool: create_api_key, expect: ask, missing: ${missing} }\n`;
  const tested = (missing: string) => run({ ...files, 'p.test.yaml': expecting(missing) }, 'test', 'p.test.yaml');
  assert.equal((await tested('{ dba: 1, security: 1 }')).code, 0);
  assert.match(
    (await tested('{ dba: 2 }')).err,
    /n: expected 2 of dba still missing, got 1 of security, 1 of dba still missing/,
  );
  assert.match((await tested('2')).err, /expected 2 still missing, got 1 of security/);
  assert.match((await tested('two')).err, /missing: .*how many approvals are needed/);
});
