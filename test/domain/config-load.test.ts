import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultText } from '../../src/config/document/fault.ts';
import { authenticator, newGrant, tokenDigest } from '../../src/config/grants.ts';
import { type LoadResult, loadConfig, reload } from '../../src/config/load.ts';
import { readSettings } from '../../src/config/settings.ts';

const POLICY =
  '{"version":"1","default":"deny","tools":{"t":{"action":"require_approval","approval":{"approvers":["security"]}}}}';
const CONFIG = `version: "1"
servers: { s: { url: "http://127.0.0.1:1/", policy: p.json } }
approvers: { security: [U0MIRA] }
slack: { channel: C0FILE }
listen: 127.0.0.1:1111
`;

type Files = Record<string, string | Uint8Array>;
const reader = (files: Files) => async (path: string) => {
  const found = Object.hasOwn(files, path) ? files[path]! : null;
  return typeof found === 'string' ? new TextEncoder().encode(found) : found;
};
const load = (files: Files, env: Record<string, string> = {}): Promise<LoadResult> =>
  loadConfig({ configPath: 'c/holdfast.yaml', env, readFile: reader(files) });
const faults = (result: LoadResult) => (result.ok ? [] : result.faults.map(faultText));
const files = (config = CONFIG, policy: string | Uint8Array = POLICY): Files => ({
  'c/holdfast.yaml': config,
  'c/p.json': policy,
});

test('config, settings and every policy are loaded together', async () => {
  const result = await load(files(), { HOLDFAST_LISTEN: '[::1]:0' });
  assert.ok(result.ok, faults(result).join('\n'));
  assert.deepEqual([...result.policies.keys()], ['s']);
  assert.deepEqual(result.settings.listen, { host: '::1', port: 0 });
  assert.equal(result.settings.slack.channel, 'C0FILE');
  assert.equal(result.settings.configPath, 'c/holdfast.yaml');
});

const WRONG: [name: string, files: Files, env: Record<string, string>, fault: RegExp][] = [
  ['a config that is not there', {}, {}, /^c\/holdfast\.yaml: cannot be read/],
  ['a policy that is not there', { 'c/holdfast.yaml': CONFIG }, {}, /^c\/p\.json: cannot be read/],
  ['a policy with a fault', files(CONFIG, '{"version":"1"}'), {}, /^c\/p\.json:1:1: default: is missing/],
  ['a policy that is not UTF-8', files(CONFIG, Uint8Array.of(0xff)), {}, /^c\/p\.json: is not UTF-8/],
  [
    'a group that the config does not know',
    files(CONFIG.replace('security:', 'others:')),
    {},
    /^c\/p\.json:1:\d+: tools\.t\.approval\.approvers\[0\]: is "security" \(expected one of the groups: others\)/,
  ],
  [
    'a question without anybody to answer it',
    files(CONFIG.replace(/approvers:.*\n/, '')),
    {},
    /asks for approval, but the config names no approvers/,
  ],
  [
    'a quorum that nobody can reach',
    files(CONFIG, POLICY.replace('"approvers"', '"quorum":2,"approvers"')),
    {},
    /^c\/p\.json:1:\d\d+: tools\.t\.approval\.quorum: is 2, but only 1 could approve/,
  ],
  [
    'a bad setting',
    files(),
    { HOLDFAST_LISTEN: 'nowhere' },
    /^environment: HOLDFAST_LISTEN: is "nowhere" \(expected host:port/,
  ],
  ['a shared store without a secret', files(), { DATABASE_URL: 'postgres://x/y' }, /HOLDFAST_SECRET: is not set/],
];

for (const [name, all, env, fault] of WRONG) {
  test(`${name} is a fault`, async () => {
    const found = faults(await load(all, env));
    assert.ok(
      found.some((line) => fault.test(line)),
      `${fault} not in\n${found.join('\n')}`,
    );
  });
}

test('all faults of all files and settings come at once', async () => {
  const found = faults(await load(files(`${CONFIG}extra: 1\n`), { HOLDFAST_SECRET: 'short', REDIS_URL: 'http://x' }));
  assert.deepEqual(found.length, 3, found.join('\n'));
});

test('a bad file never replaces a good one, and a reload keeps what cannot change while running', async () => {
  const first = await load(files());
  assert.ok(first.ok);
  const bad = await reload(first, { env: {}, readFile: reader(files(CONFIG, '{')) });
  assert.equal(bad.ok, false);
  assert.ok(first.policies.has('s'));
  const changed = files(CONFIG.replace('1111', '2222'), POLICY.replace('"deny"', '"allow"'));
  const next = await reload(first, { env: { HOLDFAST_ADMIN_TOKEN: RANDOM }, readFile: reader(changed) });
  assert.ok(next.ok);
  assert.equal(next.policies.get('s')?.default, 'allow');
  assert.notEqual(next.policies.get('s')?.digest, first.policies.get('s')?.digest);
  assert.deepEqual(next.settings, first.settings);
  assert.deepEqual(next.secrets, first.secrets);
});

test('a flag beats the environment, which beats the file, which beats the default', () => {
  const file = {
    listen: '127.0.0.1:3',
    publicUrl: 'https://file.example/',
    data: 'file',
    maxBody: 5_000,
    trustedProxies: ['10.0.0.0/8'],
  };
  const of = (from: Parameters<typeof readSettings>[0]) => {
    const read = readSettings(from);
    assert.ok(read.ok);
    return read.settings;
  };
  assert.equal(of({ env: {} }).listen.port, 8787);
  assert.equal(of({ env: {}, file }).listen.port, 3);
  assert.equal(of({ env: { HOLDFAST_LISTEN: 'localhost:2' }, file }).listen.port, 2);
  assert.equal(of({ env: { HOLDFAST_LISTEN: 'localhost:2' }, file, flags: { listen: '127.0.0.1:1' } }).listen.port, 1);
  assert.equal(of({ env: { HOLDFAST_LISTEN: '' }, file }).listen.port, 3);
  assert.equal(of({ env: {}, file }).publicUrl, 'https://file.example');
  assert.equal(of({ env: { HOLDFAST_MAX_BODY: '2048' }, file }).maxBody, 2_048);
  assert.deepEqual([of({ env: {} }).data, of({ env: {} }).maxBody], ['.holdfast', 4 * 1024 * 1024]);
  const modes = of({
    env: { REDIS_URL: 'redis://x', DATABASE_URL: 'postgres://x/y', HOLDFAST_SECRET: RANDOM },
  });
  assert.deepEqual([modes.queue, modes.store], ['redis', 'postgres']);
});

/** A token as `openssl rand -base64 32` makes them. */
const RANDOM = 'Yk0v9Zq3bW7tR1xL5nC8mPs2dF6hJ4gA';

const SETTINGS: [env: Record<string, string>, name: string][] = [
  [{ HOLDFAST_LISTEN: '127.0.0.1:70000' }, 'HOLDFAST_LISTEN'],
  [{ HOLDFAST_PUBLIC_URL: 'holdfast.example' }, 'HOLDFAST_PUBLIC_URL'],
  [{ HOLDFAST_MAX_BODY: '4MB' }, 'HOLDFAST_MAX_BODY'],
  [{ HOLDFAST_SECRET: `${RANDOM},s3cret` }, 'HOLDFAST_SECRET'],
  ...['s3c', 'admin1', 'Yk0v9Zq3bW7tR1x', 'aaaa-bbbb-cccc-dddd-aaaa-bbbb', 's3cR-xY7-'.repeat(3)].map(
    (token): [Record<string, string>, string] => [{ HOLDFAST_ADMIN_TOKEN: token }, 'HOLDFAST_ADMIN_TOKEN'],
  ),
  [{ HOLDFAST_ADMIN_TOKEN: 'abcdefghijklmnopqrstuvwxyz' }, 'HOLDFAST_ADMIN_TOKEN'],
  [{ HOLDFAST_TRUSTED_PROXIES: '10.0.0.1, proxy.example' }, 'HOLDFAST_TRUSTED_PROXIES'],
  [{ HOLDFAST_TRUSTED_PROXIES: '10.0.0.0/33' }, 'HOLDFAST_TRUSTED_PROXIES'],
  [{ DATABASE_URL: 'mysql://x', HOLDFAST_SECRET: RANDOM }, 'DATABASE_URL'],
  [{ REDIS_URL: 'localhost' }, 'REDIS_URL'],
  [{ SLACK_BOT_TOKEN: 'xoxb-1', SLACK_CHANNEL: 'C0X' }, 'SLACK_SIGNING_SECRET'],
  [{ SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: 's' }, 'SLACK_CHANNEL'],
  [{ SLACK_SIGNING_SECRET: 's' }, 'SLACK_BOT_TOKEN'],
  [{ SLACK_API_URL: 'http://127.0.0.1:1/api' }, 'SLACK_API_URL'],
  [{ HOLDFAST_AUDIT_WEBHOOK: 'ftp://s3c', HOLDFAST_AUDIT_WEBHOOK_SECRET: 'a'.repeat(16) }, 'HOLDFAST_AUDIT_WEBHOOK'],
  [{ HOLDFAST_AUDIT_WEBHOOK: 'https://x/?t=s3c' }, 'HOLDFAST_AUDIT_WEBHOOK_SECRET'],
  [
    { HOLDFAST_AUDIT_WEBHOOK: 'https://x/?t=s3c', HOLDFAST_AUDIT_WEBHOOK_SECRET: 's3c' },
    'HOLDFAST_AUDIT_WEBHOOK_SECRET',
  ],
];

for (const [env, name] of SETTINGS) {
  test(`P8: ${JSON.stringify(Object.keys(env))} is refused by name: ${name}`, () => {
    const read = readSettings({ env });
    assert.ok(!read.ok);
    assert.deepEqual(
      read.faults.map((fault) => fault.path),
      [name],
    );
    assert.doesNotMatch(JSON.stringify(read.faults), /s3c|aaaa|mysql|xoxp-1/);
  });
}

const SLACK = { SLACK_SIGNING_SECRET: 's', SLACK_CHANNEL: 'C0X' };
const ODD: [env: Record<string, string>, name: string][] = [
  [{ HOLDFAST_SECRET: 'a'.repeat(40) }, 'HOLDFAST_SECRET'],
  [{ HOLDFAST_SECRET: 's3cr3t-H0ldfast!'.repeat(2) }, 'HOLDFAST_SECRET'],
  [{ HOLDFAST_SECRET: `${RANDOM},${RANDOM}` }, 'HOLDFAST_SECRET'],
  [{ HOLDFAST_SECRET: `${RANDOM},${'a'.repeat(32)}` }, 'HOLDFAST_SECRET'],
  [{ SLACK_BOT_TOKEN: 'xoxp-1', ...SLACK }, 'SLACK_BOT_TOKEN'],
  [{ HOLDFAST_AUDIT_WEBHOOK_SECRET: 'a'.repeat(16) }, 'HOLDFAST_AUDIT_WEBHOOK_SECRET'],
  [{ SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xoxp-1', ...SLACK }, 'SLACK_APP_TOKEN'],
];

for (const [env, name] of ODD) {
  test(`P8: an odd ${name} is accepted with a warning that does not repeat it`, () => {
    const read = readSettings({ env });
    assert.ok(read.ok);
    assert.deepEqual(
      read.warnings.map((warning) => warning.path),
      [name],
    );
    assert.doesNotMatch(JSON.stringify(read.warnings), /s3c|aaaa|xoxp-1/);
  });
}

test('further hosts for agents are names as they stand in Host, in lower case', () => {
  const of = (text: string) => readSettings({ env: { HOLDFAST_AGENT_HOSTS: text } });
  const read = of('Holdfast:8787, holdfast.default.svc 10.1.2.3:8787 [fd00::1]:8787');
  assert.ok(read.ok);
  assert.deepEqual(read.settings.agentHosts, [
    'holdfast:8787',
    'holdfast.default.svc',
    '10.1.2.3:8787',
    '[fd00::1]:8787',
  ]);
  for (const wrong of ['http://holdfast', 'a/b', '*', 'a:x', '-a', 'a_b', Array(21).fill('a').join()]) {
    assert.equal(of(wrong).ok, false, wrong);
  }
});

test('a bad setting is told where it was given', () => {
  const of = (from: Parameters<typeof readSettings>[0]) => {
    const read = readSettings(from);
    return read.ok ? [] : read.faults.map((fault) => `${fault.file} ${fault.path}`);
  };
  const file = { listen: 'x', publicUrl: 'x', data: null, maxBody: null, trustedProxies: ['x'] };
  assert.deepEqual(of({ env: {}, file }), [
    'holdfast.yaml listen',
    'holdfast.yaml public_url',
    'holdfast.yaml trusted_proxies',
  ]);
  assert.deepEqual(of({ env: { HOLDFAST_LISTEN: 'y' }, flags: { publicUrl: 'z' }, file }), [
    'environment HOLDFAST_LISTEN',
    'command line --public-url',
    'holdfast.yaml trusted_proxies',
  ]);
});

test('secrets are newest first, and stay out of the settings', () => {
  const [fresh, old] = [RANDOM, 'o'.repeat(40)];
  const read = readSettings({ env: { HOLDFAST_SECRET: `${fresh}, ${old}`, HOLDFAST_ADMIN_TOKEN: `admin-${RANDOM}` } });
  assert.ok(read.ok);
  assert.deepEqual(read.secrets.secrets, [fresh, old]);
  assert.doesNotMatch(JSON.stringify(read.settings), /Yk0v9|oooo/);
});

test('P8: a new grant’s token is shown once, kept as a hash, and opens the door until it expires', async () => {
  const made = newGrant({ name: 'bot', servers: ['s'], owner: 'U0SAM' });
  assert.match(made.token, /^hf_[\w-]{43}$/);
  assert.notEqual(newGrant({ name: 'bot', servers: ['s'], owner: null }).token, made.token);
  assert.equal(made.tokenSha256, tokenDigest(made.token));
  assert.doesNotMatch(made.yaml, new RegExp(made.token));
  const config = `${CONFIG}grants:\n${made.yaml.trimEnd()}\n    expires: 2027-01-01\n`;
  const loaded = await load(files(config));
  assert.ok(loaded.ok, faults(loaded).join('\n'));
  const authenticate = authenticator(loaded.config);
  const before = new Date('2026-12-31T23:59:59Z');
  assert.equal(authenticate(made.token, before).kind, 'known');
  assert.equal(authenticate(made.token, new Date('2027-01-01T00:00:00Z')).kind, 'expired');
  const rotating = `${CONFIG}grants:\n  - {name: bot, token_sha256: [${'a'.repeat(64)}, ${made.tokenSha256}], servers: [s], owner: none}\n`;
  const both = await load(files(rotating));
  assert.ok(both.ok, faults(both).join('\n'));
  const found = authenticator(both.config)(made.token, before);
  assert.ok(found.kind === 'known' && found.retiring && found.grant.name === 'bot', 'the older token is still taken');
  for (const token of ['', 'hf_', `${made.token} `, made.tokenSha256, made.token.slice(0, -1)]) {
    assert.equal(authenticate(token, before).kind, 'unknown');
  }
});

test('a provider that is to be asked about tokens needs the client’s secret, at the start', async () => {
  const grants = 'grants: [{ name: eng, servers: [s], owner: none }]\n';
  const oauth = (more: string): string =>
    `${CONFIG}${grants}oauth: { issuer: "https://login.example.com", grants: [{ claim: g, equals: e, grant: eng }]${more} }\n`;
  const asking = oauth(', introspection: { client_id: gateway }');
  const secret = { HOLDFAST_OAUTH_CLIENT_SECRET: 's3c' };
  assert.match(faults(await load(files(asking))).join(), /HOLDFAST_OAUTH_CLIENT_SECRET: is not set/);
  const good = await load(files(asking), secret);
  assert.ok(good.ok, faults(good).join('\n'));
  const wanted = { clientId: 'gateway', recheckMs: 50_000, opaque: false };
  assert.deepEqual(good.config.oauth?.introspection, wanted);
  for (const [more, words] of [
    [', introspection: { client_id: gateway, client_secret: s3c }', /oauth\.introspection\.client_secret/],
    [', introspection: { client_id: gateway, recheck: 60s }', /oauth\.introspection\.recheck: .*from 1s to 50s/],
    [', introspection: { client_id: gateway, recheck: 500ms }', /from 1s to 50s/],
    [', introspection: { client_id: "a b" }', /oauth\.introspection\.client_id.*the client’s id/],
    [', introspection: { client_id: gateway, opaque: maybe }', /true or false/],
  ] as const) {
    const found = faults(await load(files(oauth(more)), secret)).join();
    assert.match(found, words);
    assert.doesNotMatch(found, /s3c/);
  }
  // Secrets are read at the start, so a reload cannot bring it.
  const before = await load(files(oauth('')));
  assert.ok(before.ok);
  const later = await reload(before, { env: secret, readFile: reader(files(asking)) });
  assert.match(faults(later).join(), /HOLDFAST_OAUTH_CLIENT_SECRET: is not set.*at the start/);
});
