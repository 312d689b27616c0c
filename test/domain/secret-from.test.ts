import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseConfig } from '../../src/config/config-file.ts';
import { faultText } from '../../src/config/document/fault.ts';
import { SECRET_NAMES, secretFrom } from '../../src/config/secret-from.ts';
import { readSettings } from '../../src/config/settings.ts';
import { secretsOnDisk } from '../../src/main/process/secret-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'secret-from-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function read(env: Record<string, string>, name = 'HOLDFAST_SECRET', credentials?: string) {
  const said: string[] = [];
  const note = (level: string) => (variable: string, message: string, expected: string) =>
    void said.push(`${level} ${variable} ${message} (${expected})`);
  const value = secretFrom({ env, readSecret: secretsOnDisk(credentials) }, name, note('wrong'), note('warn'));
  return { value, said: said.join('\n') };
}

test('P8: a secret comes from its variable or from a file, without the line breaks at its end', () => {
  assert.deepEqual(read({}), { value: null, said: '' });
  assert.deepEqual(read({ HOLDFAST_SECRET: 'x' }), { value: 'x', said: '' });
  assert.deepEqual(read({ HOLDFAST_SECRET: '', HOLDFAST_SECRET_FILE: file('a', ' x y\r\n\n') }), {
    value: ' x y',
    said: '',
  });
  assert.deepEqual(read({ HOLDFAST_SECRET: 'x', HOLDFAST_SECRET_FILE: '' }), { value: 'x', said: '' });
});

const WRONG: [name: string, path: () => string, said: RegExp][] = [
  ['is not there', () => join(folder, 'none'), /which cannot be read \(ENOENT\)/],
  ['is a directory', () => folder, /which is not a plain file/],
  ['is empty', () => file('empty', '\n\n'), /which is empty/],
  ['is not UTF-8', () => file('bytes', Uint8Array.of(0xff, 0xfe)), /which is not UTF-8/],
  ['holds a NUL', () => file('nul', 'a\0b'), /which holds a NUL/],
  ['is too long', () => file('long', 'x'.repeat(65_537)), /which is longer than 65536 bytes/],
  ['may be written by the group', () => file('group', 'x', 0o620), /which other users may write \(chmod 600/],
  ['may be written by others', () => file('others', 'x', 0o602), /which other users may write/],
];
for (const [name, path, said] of WRONG) {
  test(`P8: a file of a secret that ${name} is refused, by the variable’s name`, () => {
    const result = read({ HOLDFAST_SECRET_FILE: path() });
    assert.equal(result.value, null);
    assert.match(result.said, new RegExp(`^wrong HOLDFAST_SECRET_FILE names ${folder}`));
    assert.match(result.said, said);
  });
}

test('P8: a secret that is given twice is refused, and one that others may read is a warning', () => {
  const path = file('b', 'quiet', 0o644);
  const twice = read({ HOLDFAST_SECRET: 'loud', HOLDFAST_SECRET_FILE: path });
  assert.equal(twice.value, null);
  assert.match(twice.said, /^wrong HOLDFAST_SECRET_FILE is set, and so is HOLDFAST_SECRET/);
  assert.doesNotMatch(twice.said, /loud|quiet/);
  const open = read({ HOLDFAST_SECRET_FILE: path });
  assert.equal(open.value, 'quiet');
  assert.match(open.said, /^warn HOLDFAST_SECRET_FILE names .* which other users of this machine may read \(chmod 600/);
});

test('the access list that systemd sets on a credential is not taken for a group', () => {
  mkdirSync(join(folder, 'credentials'));
  const path = file('credentials/x', 'x', 0o440);
  assert.match(read({ HOLDFAST_SECRET_FILE: path }).said, /^warn/);
  assert.equal(read({ HOLDFAST_SECRET_FILE: path }, 'HOLDFAST_SECRET', join(folder, 'credentials')).said, '');
  assert.match(
    read({ HOLDFAST_SECRET_FILE: path }, 'HOLDFAST_SECRET', join(folder, 'cred')).said,
    /^warn/,
    'a folder whose name only begins so',
  );
});

const VALUES: Record<(typeof SECRET_NAMES)[number], string> = {
  HOLDFAST_SECRET: 'Yk0v9Zq3bW7tR1xL5nC8mPs2dF6hJ4gA',
  HOLDFAST_ADMIN_TOKEN: 'admin-Yk0v9Zq3bW7tR1xL5nC8mPs2',
  HOLDFAST_TOKEN: 'hfp_for-the-command-line',
  HOLDFAST_OIDC_CLIENT_SECRET: 'client-secret',
  HOLDFAST_OAUTH_CLIENT_SECRET: 'another-client-secret',
  DATABASE_URL: 'postgres://u:p@h/d',
  DATABASE_DIRECT_URL: 'postgres://own:pw@db/own',
  REDIS_URL: 'redis://:p@h',
  SLACK_BOT_TOKEN: 'xoxb-1',
  SLACK_SIGNING_SECRET: 'signing',
  SLACK_APP_TOKEN: 'xapp-1',
  HOLDFAST_AUDIT_WEBHOOK: 'https://h/x',
  HOLDFAST_AUDIT_WEBHOOK_SECRET: 'w'.repeat(40),
};

test('P8: every secret of the gateway can be a file', () => {
  const files = SECRET_NAMES.map((name) => [`${name}_FILE`, file(name, `${VALUES[name]}\n`)] as const);
  const more = { SLACK_CHANNEL: 'C0X' };
  const byFile = readSettings({
    env: { ...Object.fromEntries(files), ...more },
    readSecret: secretsOnDisk(undefined),
  });
  const byVariable = readSettings({ env: { ...VALUES, ...more } });
  assert.ok(byFile.ok && byVariable.ok);
  assert.deepEqual(byFile.secrets, byVariable.secrets);
  assert.deepEqual(Object.values(byFile.secrets).includes(null), false, 'the table above has every secret');
});

test('P8: a secret on a command line is a warning, which names it and not its value', () => {
  const warned = (command: string, env: Record<string, string>): string[] => {
    const said: string[] = [];
    const text = `version: "1"\nservers: { s: { command: ${command}, policy: p.yaml } }\n`;
    const warn = (...words: string[]) => void said.push(words.join(' '));
    assert.ok(parseConfig(text, { path: 'h.yaml', env, readSecret: secretsOnDisk(undefined), warn }).ok);
    return said;
  };
  const [line = ''] = warned('[x, --key, "$' + '{API_TOKEN}"]', { API_TOKEN: 'hidden' });
  assert.match(line, /^servers\.s\.command puts API_TOKEN on a command line.* API_TOKEN under env$/);
  assert.equal(warned('[x, "$' + '{PLAIN}"]', { PLAIN_FILE: file('plain', 'x') }).length, 1);
  assert.deepEqual(warned('[x, "$' + '{HOME}", "$$' + '{API_TOKEN}"]', { HOME: '/' }), []);
});

test('P8: a name in the config is filled in from a file, and what is wrong with it has the place in the config', () => {
  const text =
    'version: "1"\nservers: { s: { url: "http://127.0.0.1:1/mcp", headers: { A: "Bearer $' +
    '{TOKEN}" }, policy: p.yaml } }\n';
  const parse = (env: Record<string, string>, warn?: (name: string) => void) =>
    parseConfig(text, { path: 'h.yaml', env, readSecret: secretsOnDisk(undefined), ...(warn ? { warn } : {}) });
  const warned: string[] = [];
  const good = parse({ TOKEN_FILE: file('token', 't0ken\n', 0o604) }, (name) => warned.push(name));
  assert.ok(good.ok);
  const { upstream } = good.config.servers.get('s')!;
  assert.deepEqual(upstream.kind === 'http' && { ...upstream.headers }, { a: 'Bearer t0ken' });
  assert.deepEqual(warned, ['TOKEN_FILE']);
  const bad = parse({ TOKEN_FILE: join(folder, 'none') });
  assert.ok(!bad.ok);
  assert.match(
    bad.faults.map(faultText).join('\n'),
    /^h\.yaml:2:\d+: servers\.s\.headers\.A: TOKEN_FILE names .*none, which cannot be read \(ENOENT\)[^\n]*$/,
  );
});
