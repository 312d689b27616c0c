import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Config } from '../../src/config/config.ts';
import { APPROVAL_DEFAULTS } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/config-file.ts';
import { faultText } from '../../src/config/document/fault.ts';
import { resolveRequirement, timeoutOf } from '../../src/config/requirement.ts';
import { PLAIN_ASK } from '../../src/domain/policy/policy.ts';

const DESIGN = `version: "1"
servers:
  prometheus:
    url: http://127.0.0.1:9000/mcp
    headers: { Authorization: "Bearer \${PROMETHEUS_TOKEN}" }
    policy: policies/prometheus.json
  files:
    command: [npx, server-filesystem, "\${HOME_DIR}/x"]
    env: { KEY: "\${PROMETHEUS_TOKEN}", PLAIN: "$\${NOT}" }
    cwd: work
    policy: /etc/holdfast/files.yaml
grants:
  - name: release-bot
    token_sha256: 2C26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    servers: [prometheus]
    owner: U0SAM
  - name: night-bot
    token_sha256: f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0
    servers: [prometheus, files]
    owner: none
    self_approval: true
    expires: 2027-01-31
approvers:
  security: [U0MIRA, U0ALEX]
  oncall: [S0123ABC, admin, U0MIRA]
slack: { channel: C0APPROVALS, team: T0MAIN }
approval: { approvers: [security], timeout: 30m, pickup: 1h, hold: { default: 50s, progress: 1h }, max_pending: 20 }
listen: 127.0.0.1:9999
max_body: 65536
`;
const ENV = { PROMETHEUS_TOKEN: 't0ken', HOME_DIR: '/home/x' };

function good(text: string, env: Record<string, string> | null = ENV): Config {
  const parsed = parseConfig(text, { path: '/etc/app/holdfast.yaml', env });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(faultText).join('\n'));
  return parsed.config;
}

function faults(text: string, env: Record<string, string> = ENV): string[] {
  const parsed = parseConfig(text, { path: 'holdfast.yaml', env });
  return parsed.ok ? [] : parsed.faults.map(faultText);
}

const SLACKY = 'version: "1"\nservers: { a: { url: "http://127.0.0.1:1/mcp", policy: p.yaml } }\nslack:\n';

test('where cards go: by tool, by server, and whether directly', () => {
  const { slack } = good(`${SLACKY}  channel: C0MAIN
  enterprise: E0ORG
  app: A0HOLDFAST
  channels: { servers: { a: C0A }, tools: { a.drop: C0DROP, "a.x.y": G0XY } }
  fallback: C0FALLBACK
  direct: beside
`);
  assert.deepEqual(JSON.parse(JSON.stringify(slack)), {
    channel: 'C0MAIN',
    team: null,
    enterprise: 'E0ORG',
    app: 'A0HOLDFAST',
    channels: { servers: { a: 'C0A' }, tools: { 'a.drop': 'C0DROP', 'a.x.y': 'G0XY' } },
    fallback: 'C0FALLBACK',
    digest: { over: 3, withinMs: 60_000 },
    direct: 'beside',
  });
  assert.deepEqual(good('version: "1"\n').slack.direct, 'off');
});

test('when cards are told together: a burst by default, other bounds, or never', () => {
  const digestOf = (yaml: string) => good(`${SLACKY}  digest: ${yaml}\n`).slack.digest;
  for (const [given, wanted] of [
    ['{ over: 5, within: 30s }', { over: 5, withinMs: 30_000 }],
    ['{ over: 1 }', { over: 1, withinMs: 60_000 }],
    ['off', null],
  ] as const)
    assert.deepEqual(digestOf(given), wanted, given);
  for (const wrong of ['{ over: 0 }', '{ over: 101 }', '{ within: 11m }', '{ within: 100ms }', '{ of: 3 }', 'never'])
    assert.equal(faults(`${SLACKY}  digest: ${wrong}\n`).length > 0, true, wrong);
});

test('a server may say where its calls act', () => {
  const { servers } = good(server('{command: [a], policy: p, environment: production, account: acme-eu}'));
  const [one] = [...servers.values()];
  assert.deepEqual([one?.environment, one?.account], ['production', 'acme-eu']);
});

test('a server with a url says by which statuses it has not run a request', () => {
  const { servers } = good(server('{url: "http://x/", not_run: [429, 503], policy: p}'));
  const { upstream } = [...servers.values()][0]!;
  assert.deepEqual(upstream.kind === 'http' && upstream.notRun, [429, 503]);
});

test('the config of the design is read whole', () => {
  const config = good(DESIGN);
  const [prometheus, files] = [...config.servers.values()];
  assert.deepEqual(JSON.parse(JSON.stringify(prometheus)), {
    name: 'prometheus',
    upstream: { kind: 'http', url: 'http://127.0.0.1:9000/mcp', headers: { authorization: 'Bearer t0ken' } },
    policyPath: '/etc/app/policies/prometheus.json',
  });
  assert.deepEqual(JSON.parse(JSON.stringify(files)), {
    name: 'files',
    upstream: {
      kind: 'stdio',
      command: ['npx', 'server-filesystem', '/home/x/x'],
      env: { KEY: 't0ken', PLAIN: '${'.concat('NOT}') },
      cwd: '/etc/app/work',
      runAs: null,
      sandbox: null,
    },
    policyPath: '/etc/holdfast/files.yaml',
  });
  assert.deepEqual(
    config.grants.map((grant) => [grant.name, grant.owner, grant.selfApproval, grant.expires?.toISOString()]),
    [
      ['release-bot', 'U0SAM', false, undefined],
      ['night-bot', null, true, '2027-01-31T00:00:00.000Z'],
    ],
  );
  assert.match(config.grants[0]!.tokenSha256, /^2c26/);
  assert.deepEqual(config.approvers.get('oncall'), { people: ['U0MIRA'], userGroups: ['S0123ABC'], admin: true });
  assert.deepEqual(config.approval, {
    adminIsAnotherPerson: false,
    approvers: ['security'],
    timeoutMs: 1_800_000,
    pickupMs: 3_600_000,
    graceMs: 120_000,
    hold: { ...APPROVAL_DEFAULTS.hold, defaultMs: 50_000, progressMs: 3_600_000 },
    maxPending: 20,
    openings: { max: 30, per: 'minute' },
    keptBytes: 64 * 1024 * 1024,
    maxBytes: 2 * 1024 * 1024,
  });
  assert.deepEqual(config.file, {
    listen: '127.0.0.1:9999',
    publicUrl: null,
    data: null,
    maxBody: 65_536,
    trustedProxies: null,
    agentHosts: null,
  });
});

test('rates of openings and kept bytes are read; what is none is a fault that says the form', () => {
  const text = (approval: string, sessions: string) =>
    `version: "1"\nservers: {}\napproval: ${approval}\nsessions: ${sessions}\n`;
  const parse = (approval: string, sessions = '{}') =>
    parseConfig(text(approval, sessions), { path: 'holdfast.yaml', env: {} });
  const good = parse('{ openings: 5/hour, kept_bytes: 100000, max_bytes: 70000 }', '{ openings: 1000000/second }');
  assert.ok(good.ok);
  assert.deepEqual(good.config.approval.openings, { max: 5, per: 'hour' });
  assert.equal(good.config.approval.keptBytes, 100_000);
  assert.equal(good.config.approval.maxBytes, 70_000);
  assert.deepEqual(good.config.sessionOpenings, { max: 1_000_000, per: 'second' });
  const plain = parse('{}');
  assert.ok(plain.ok);
  assert.deepEqual(plain.config.sessionOpenings, { max: 120, per: 'minute' });
  for (const rate of ['0/minute', '5/day', '30', '5 / hour', '1000001/second', '-1/hour', '1.5/hour']) {
    const bad = parse(`{ openings: "${rate}" }`);
    assert.ok(!bad.ok && bad.faults[0]!.path === 'approval.openings', rate);
    assert.match(String(bad.faults[0]!.expected), /30\/minute/);
  }
  const badSessions = parse('{}', '{ openings: often }');
  assert.ok(!badSessions.ok && badSessions.faults[0]!.path === 'sessions.openings');
  const small = parse('{ kept_bytes: 10 }');
  assert.match(small.ok ? '' : JSON.stringify(small.faults), /bytes, a whole number from 65,536 to/);
});

test('a config without defaults gets the documented ones', () => {
  const config = good('version: "1"\n');
  assert.deepEqual(config.approval, {
    adminIsAnotherPerson: false,
    approvers: null,
    timeoutMs: 1_800_000,
    pickupMs: 3_600_000,
    graceMs: 120_000,
    hold: { ...APPROVAL_DEFAULTS.hold, defaultMs: 50_000, progressMs: 3_600_000 },
    maxPending: 20,
    openings: { max: 30, per: 'minute' },
    keptBytes: 64 * 1024 * 1024,
    maxBytes: 2 * 1024 * 1024,
  });
  assert.equal(config.servers.size + config.grants.length + config.approvers.size, 0);
});

test('each client may be given its own patience, ahead of what is known of clients', () => {
  const config = good('version: "1"\napproval: { hold: { leg: 20s, clients: { "my-agent*": 2m } } }\n');
  assert.equal(config.approval.hold.legMs, 20_000);
  assert.deepEqual(config.approval.hold.clients[0], { name: 'my-agent*', ms: 120_000 });
  assert.ok(config.approval.hold.clients.length > 1);
});

/** `$(NAME)` stands for the file's own mark, which JavaScript would take for its own. */
const server = (body: string) => `version: "1"\nservers:\n  s: ${body.replace(/\$\((\w+)\)/g, '${'.concat('$1}'))}\n`;
const grant = (body: string) =>
  `${server('{url: "http://x/", policy: p}')}grants:\n  - {name: g, token_sha256: ${'a'.repeat(64)}, servers: [s], owner: U0SAM${body}}\n`;

const WRONG: [name: string, text: string, fault: RegExp][] = [
  ['a variable that is not set', server('{url: "http://x/$(NOPE)", policy: p}'), /servers\.s\.url: NOPE is not set/],
  [
    'a variable inside a header',
    server('{url: "http://x/", headers: {A: "$(NOPE)"}, policy: p}'),
    /servers\.s\.headers\.A: NOPE is not set/,
  ],
  [
    'a header with a line break',
    server('{url: "http://x/", headers: {A: "x\\ny"}, policy: p}'),
    /headers\.A: contains a character/,
  ],
  ['args with a url', server('{url: "http://x/", args: [a], policy: p}'), /args: has no meaning with url/],
  ['a command with blanks', server('{command: "npx some-server", policy: p}'), /command: contains blanks/],
  ['args that are no list', server('{command: npx, args: some-server, policy: p}'), /args: .*a list of texts/],
  ['an empty command', server('{command: "", args: [a], policy: p}'), /command: is empty/],
  ['neither url nor command', server('{policy: p}'), /servers\.s: has neither url nor command/],
  ['both url and command', server('{url: "http://x/", command: [a], policy: p}'), /servers\.s: has both/],
  [
    'headers for a program',
    server('{command: [a], headers: {A: b}, policy: p}'),
    /headers: has no meaning with command/,
  ],
  ['an environment for a URL', server('{url: "http://x/", env: {A: b}, policy: p}'), /env: has no meaning with url/],
  [
    'not_run for a command',
    server('{command: [a], not_run: [503], policy: p}'),
    /not_run: has no meaning with command/,
  ],
  ['an empty environment', server('{url: "http://x/", policy: p, environment: ""}'), /environment.*short text/],
  [
    'an account that is too long',
    server(`{url: "http://x/", policy: p, account: "${'a'.repeat(121)}"}`),
    /account.*up to 120/,
  ],
  ['not_run with a success', server('{url: "http://x/", not_run: [200], policy: p}'), /not_run.*from 400 to 599/],
  ['not_run with words', server('{url: "http://x/", not_run: [busy], policy: p}'), /not_run.*from 400 to 599/],
  ['a URL of another kind', server('{url: "ftp://x/", policy: p}'), /servers\.s\.url: is "ftp:/],
  ['a password in a URL', server('{url: "http://a:b@x/", policy: p}'), /servers\.s\.url/],
  ['no policy', server('{url: "http://x/"}'), /servers\.s\.policy: is missing/],
  [
    'a number in the environment',
    server('{command: [a], env: {PORT: 80}, policy: p}'),
    /env\.PORT: is 80 \(expected text; put numbers/,
  ],
  [
    'a server name that no URL can hold',
    'version: "1"\nservers:\n  "a/b": {url: "http://x/", policy: p}\n',
    /servers\.a\/b: cannot be part of a URL/,
  ],
  ['an unknown key', 'version: "1"\nsever: {}\n', /sever: unknown key, perhaps servers is meant/],
  ['no owner', grant('').replace(', owner: U0SAM', ''), /grants\[0\]\.owner: is missing \(expected the Slack id/],
  ['an owner by name', grant('').replace('U0SAM', 'sam'), /grants\[0\]\.owner: is "sam"/],
  [
    'a token instead of its hash',
    grant('').replace('a'.repeat(64), 'hf_abc'),
    /token_sha256: is "hf_abc" \(expected the SHA-256/,
  ],
  [
    'an unknown server',
    grant('').replace('servers: [s]', 'servers: [t]'),
    /grants\[0\]\.servers\[0\]: is "t" \(expected one of the servers: s\)/,
  ],
  ['a day that does not exist', grant(', expires: 2027-02-30'), /expires: is "2027-02-30"/],
  ['a group without members', 'version: "1"\napprovers: {a: []}\n', /approvers\.a: has no members/],
  [
    'a member by e-mail',
    'version: "1"\napprovers: {a: [mira@example.com]}\n',
    /approvers\.a\[0\]: is "mira@example\.com" \(expected people \(U0MIRA\)/,
  ],
  [
    'an unknown group',
    'version: "1"\napprovers: {a: [U0X]}\napproval: {approvers: [b]}\n',
    /approval\.approvers\[0\]: is "b" \(expected one of the groups: a\)/,
  ],
  [
    'a duration without unit',
    'version: "1"\napproval: {timeout: 30}\n',
    /approval\.timeout: is 30 \(expected a duration/,
  ],
  ['a duration of nothing', 'version: "1"\napproval: {hold: {default: 0s}}\n', /hold\.default: is "0s"/],
  [
    'a channel for no server',
    `${SLACKY}  channels: { servers: { nowhere: C0A } }\n`,
    /slack\.channels\.servers\.nowhere: there is no nowhere \(expected one of the servers: a\)/,
  ],
  [
    'a channel for a tool without a server',
    `${SLACKY}  channels: { tools: { drop: C0A } }\n`,
    /slack\.channels\.tools\.drop: .*\(expected server\.tool\)/,
  ],
  ['a channel for another server’s tool', `${SLACKY}  channels: { tools: { b.drop: C0A } }\n`, /there is no b\.drop/],
  [
    'a server’s channel by name',
    `${SLACKY}  channels: { servers: { a: "#a" } }\n`,
    /slack\.channels\.servers\.a: is "#a" \(expected a channel id/,
  ],
  ['channels as a list', `${SLACKY}  channels: { servers: [C0A] }\n`, /slack\.channels\.servers: is a list/],
  [
    'an unknown way to write directly',
    `${SLACKY}  direct: always\n`,
    /slack\.direct: is "always" \(expected one of off, beside, instead\)/,
  ],
  ['an app by name', `${SLACKY}  app: holdfast\n`, /slack\.app: is "holdfast" \(expected an app id/],
  ['an organisation that is a team', `${SLACKY}  enterprise: T0MAIN\n`, /slack\.enterprise: .*organisation id/],
  ['a channel by name', 'version: "1"\nslack: {channel: "#approvals"}\n', /slack\.channel: is "#approvals"/],
];

for (const [name, text, fault] of WRONG) {
  test(`${name} is a fault with its path`, () => {
    const found = faults(text);
    assert.ok(
      found.some((line) => /^holdfast\.yaml:\d+:\d+: /.test(line) && fault.test(line)),
      `${fault} not in\n${found.join('\n')}`,
    );
  });
}

test('two grants share neither name nor token', () => {
  const one = `{name: g, token_sha256: ${'a'.repeat(64)}, servers: [s], owner: none}`;
  const two = `{name: g, token_sha256: ${'A'.repeat(64)}, servers: [s], owner: none}`;
  const found = faults(`${server('{url: "http://x/", policy: p}')}grants: [${one}, ${two}]\n`);
  assert.match(found.join('\n'), /grants\[1\]\.name: another grant has the same name/);
  assert.match(found.join('\n'), /grants\[1\]\.token_sha256: another grant has the same token/);
});

test('a grant may list two tokens while it rotates, the newest first; no token is another grant’s too', () => {
  const [fresh, old] = ['A'.repeat(64), 'b'.repeat(64)];
  const grant = (tokens: string) =>
    `${server('{url: "http://x/", policy: p}')}grants:\n  - {name: g, token_sha256: ${tokens}, servers: [s], owner: none}\n`;
  const { grants } = good(grant(`[${fresh}, ${old}]`));
  assert.deepEqual([grants[0]!.tokenSha256, grants[0]!.retiringSha256], ['a'.repeat(64), old]);
  assert.equal(good(grant(old)).grants[0]!.retiringSha256, null);
  assert.match(faults(grant(`[${fresh}, ${fresh.toLowerCase()}]`)).join('\n'), /another grant has the same token/);
  assert.match(faults(grant(`[${fresh}, ${old}, ${'c'.repeat(64)}]`)).join('\n'), /grants\[0\]\.token_sha256/);
  assert.match(faults(grant(`[${fresh}]`)).join('\n'), /grants\[0\]\.token_sha256/);
  const stolen = `  - {name: h, token_sha256: ${old}, servers: [s], owner: none}\n`;
  assert.match(faults(grant(`[${fresh}, ${old}]`) + stolen).join('\n'), /another grant has the same token/);
});

test('P8: no fault repeats a value from the environment', () => {
  const found = faults(`${DESIGN}wrong: 1\n`, { PROMETHEUS_TOKEN: 's3cret\n', HOME_DIR: 's3cret' });
  assert.ok(found.length > 0);
  assert.doesNotMatch(found.join('\n'), /s3cret/);
});

test('without an environment the names stay, so that a check needs no secrets', () => {
  const upstream = good(DESIGN, null).servers.get('prometheus')!.upstream;
  assert.ok(upstream.kind === 'http');
  assert.match(upstream.headers.authorization!, /PROMETHEUS_TOKEN/);
});

test('a requirement is the policy’s groups, else the config’s, else all', () => {
  const config = good(DESIGN);
  const named = resolveRequirement(config, { ...PLAIN_ASK, approvers: ['oncall'], quorum: 2, denyReason: 'required' });
  assert.deepEqual(named, {
    groups: ['oncall'],
    people: ['U0MIRA'],
    userGroups: ['S0123ABC'],
    admin: true,
    quorum: 2,
    denyReason: 'required',
    remindMs: null,
    escalate: null,
  });
  assert.deepEqual(resolveRequirement(config, PLAIN_ASK).groups, ['security']);
  const all = { ...config, approval: { ...config.approval, approvers: null } };
  assert.deepEqual(resolveRequirement(all, PLAIN_ASK).groups, ['security', 'oncall']);
  assert.deepEqual(resolveRequirement(all, PLAIN_ASK).people, ['U0MIRA', 'U0ALEX']);
  const late = resolveRequirement(config, { ...PLAIN_ASK, escalate: { afterMs: 5, to: ['oncall'] } }).escalate;
  assert.deepEqual(late, { afterMs: 5, groups: ['oncall'], people: ['U0MIRA'], userGroups: ['S0123ABC'], admin: true });
  assert.equal(timeoutOf(config, PLAIN_ASK), 1_800_000);
  assert.equal(timeoutOf(config, { ...PLAIN_ASK, timeoutMs: 7 }), 7);
});

test('P1: a group that is not there adds nobody', () => {
  const requirement = resolveRequirement(good(DESIGN), { ...PLAIN_ASK, approvers: ['constructor', '__proto__'] });
  assert.deepEqual([requirement.people, requirement.userGroups, requirement.admin], [[], [], false]);
});

test('whatever the text, there is a config or a fault with its line', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ':',
    '"',
    '\n',
    '  ',
    '- ',
    '*a',
    '&a',
    '__proto__',
    'null',
    '-1',
    '\u0000',
  );
  const mutated = fc
    .array(fc.tuple(fc.nat(DESIGN.length), fc.nat(6), pieces), { minLength: 1, maxLength: 4 })
    .map((edits) => edits.reduce((text, [at, cut, piece]) => text.slice(0, at) + piece + text.slice(at + cut), DESIGN));
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string({ unit: 'binary' })), (text) => {
      const parsed = parseConfig(text, { path: 'h.yaml', env: ENV });
      if (!parsed.ok) for (const fault of parsed.faults) assert.ok(fault.line >= 1 && fault.message !== '');
    }),
    { numRuns: 400 },
  );
});

test('a command with args, as clients write it, is the same as a list of both', () => {
  const parse = (entry: string) => {
    const text = `version: "1"\nservers:\n  s: ${entry}\n`;
    const parsed = parseConfig(text, { path: 'holdfast.yaml', env: { PLACE: '/srv' } });
    if (!parsed.ok) assert.fail(JSON.stringify(parsed.faults));
    const { upstream } = parsed.config.servers.get('s')!;
    return upstream.kind === 'stdio' ? upstream.command : null;
  };
  const whole = ['npx', '-y', 'some-server', '/srv/a b'];
  assert.deepEqual(parse('{ command: npx, args: ["-y", some-server, "${PLACE}/a b"], policy: p }'), whole);
  assert.deepEqual(parse('{ command: [npx, "-y", some-server, "${PLACE}/a b"], policy: p }'), whole);
  assert.deepEqual(parse('{ command: [npx, "-y"], args: [some-server, "${PLACE}/a b"], policy: p }'), whole);
  assert.deepEqual(parse('{ command: "/opt/My Server/run", args: [], policy: p }'), ['/opt/My Server/run']);
});

test('how long events stay, and where they go: nobody loses a log by a line that was left out', () => {
  const audit = (text: string): string => `${SLACKY}  channel: C0MAIN\naudit: ${text}\n`;
  assert.equal(good(audit('{}')).retention, undefined);
  assert.deepEqual(good(audit('{ retain: 90d, archive: segments }')).retention, {
    retainMs: 90 * 86_400_000,
    archive: { kind: 'folder', path: '/etc/app/segments' },
  });
  const acme = { kind: 'bucket', bucket: 'acme-audit', endpoint: null, region: null, pathStyle: false } as const;
  assert.deepEqual(good(audit('{ retain: 1h, archive: "s3://acme-audit" }')).retention?.archive, {
    ...acme,
    prefix: '',
  });
  assert.deepEqual(good(audit('{ retain: 1h, archive: "s3://acme-audit/a/b/" }')).retention?.archive, {
    ...acme,
    prefix: 'a/b/',
  });
  assert.deepEqual(
    good(
      audit(
        '{ retain: 1h, archive: { s3: "s3://acme-audit/a", endpoint: "http://127.0.0.1:9000", region: eu-central-1 } }',
      ),
    ).retention?.archive,
    { ...acme, prefix: 'a/', endpoint: 'http://127.0.0.1:9000', region: 'eu-central-1', pathStyle: true },
  );
  assert.deepEqual(good(audit('{ retain: 1d, archive: none }')).retention, { retainMs: 86_400_000, archive: null });
  for (const [text, named] of [
    ['{ retain: 90d }', /audit\.retain.* stands without audit\.archive/],
    ['{ archive: segments }', /audit\.archive.* stands without audit\.retain/],
    ['{ retain: 59s, archive: segments }', /audit\.retain.*a minute/],
    ['{ retain: 59s, archive: "s3://acme/x" }', /audit\.retain.*a minute/],
    ['{ retain: 23h, archive: none }', /audit\.retain.*a day/],
    ['{ retain: 90, archive: segments }', /audit\.retain/],
    ['{ retain: 90d, archive: "" }', /audit\.archive/],
    ['{ retain: 90d, archive: { s3: {} } }', /audit\.archive\.s3.*s3:/],
    ['{ retain: 90d, archive: 7 }', /audit\.archive.*a folder/],
    ['{ retain: 90d, archive: "s3://" }', /audit\.archive/],
    ['{ retain: 90d, archive: "s3://Acme/x" }', /audit\.archive/],
    ['{ retain: 90d, archive: "S3:acme" }', /audit\.archive/],
    ['{ retain: 90d, archive: "s3://acme/../x" }', /audit\.archive/],
    ['{ retain: 90d, archive: "s3://acme//x" }', /audit\.archive/],
    ['{ retain: 90d, archive: "s3://acme/x?y" }', /audit\.archive/],
    ['{ retain: 90d, archive: { s3: "s3://acme", endpoint: "http://me:pass@127.0.0.1" } }', /audit\.archive\.endpoint/],
    ['{ retain: 90d, archive: { s3: "s3://acme", endpoint: "ftp://127.0.0.1" } }', /audit\.archive\.endpoint/],
    ['{ retain: 90d, archive: { s3: "s3://acme", region: "a b" } }', /audit\.archive\.region/],
    ['{ retain: 90d, archive: { s3: "s3://acme", secret: x } }', /audit\.archive.*secret/],
  ] as const) {
    assert.match(faults(audit(text)).join('\n'), named, text);
  }
});

test('how long ended approvals stay: a week at least', () => {
  const text = (retain: string): string => `${SLACKY}  channel: C0MAIN\napprovals: { retain: ${retain} }\n`;
  assert.equal(good(text('180d')).approvalsRetainMs, 180 * 86_400_000);
  assert.match(faults(text('6d')).join('\n'), /approvals\.retain.*a week/);
});
