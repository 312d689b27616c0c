import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { tokenDigest } from '../../src/config/grants.ts';
import { keptTerminal } from '../support/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-grant-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const config = join(folder, 'holdfast.yaml');
const bad = join(folder, 'bad.yaml');
writeFileSync(
  config,
  `version: "1"
servers:
  prometheus: { url: "http://127.0.0.1:1/", policy: p.yaml }
  github: { url: "http://127.0.0.1:2/", policy: p.yaml }
people: { sam: { slack: U0SAM } }
`,
);
writeFileSync(bad, 'version: "1"\nserver: {}\n');

async function grantNew(...words: string[]) {
  const { terminal, out, err } = keptTerminal();
  const code = await runCommandLine(['grant', 'new', '--name', 'bot', ...words], terminal);
  return { code, out: out(), err: err() };
}

test('grant new refuses a server that the config does not have, and says which it meant', async () => {
  const { code, err } = await grantNew('--server', 'prometeus', '--config', config);
  assert.equal(code, 2);
  assert.match(err, /the config has no server prometeus: it has prometheus, github\n\(Did you mean prometheus\?\)/);
  assert.equal((await grantNew('--server', 'github', '--server', 'prometheus', '--config', config)).code, 0);
  assert.equal((await grantNew('--server', 'a b')).code, 2);
});

test('grant new takes a person of the config as owner, and no other name', async () => {
  const { code, out } = await grantNew('--server', 'github', '--owner', 'sam', '--config', config);
  assert.equal(code, 0);
  assert.match(out, /owner: sam\n/);
  assert.match(out, /clients need the address under public_url \(HOLDFAST_PUBLIC_URL\)\.\n/);
  assert.doesNotMatch(out, /u000a/, 'our own line breaks are no one else’s');
  assert.equal((await grantNew('--server', 'github', '--owner', 'tim', '--config', config)).code, 2);
});

test('grant new without a config checks nothing, with a faulty one it says so, and a named one must be there', async () => {
  assert.equal((await grantNew('--server', 'any', '--config', join(folder, 'none.yaml'))).code, 1);
  const faulty = await grantNew('--server', 'any', '--config', bad);
  assert.equal(faulty.code, 0);
  assert.match(faulty.err, /server: unknown key[\s\S]*its servers are not checked/);
});

test('grant new --json holds the token and what the config needs of it', async () => {
  const { out } = await grantNew('--server', 'github', '--expires', '2027-01-31', '--json', '--config', config);
  const { token, token_sha256: digest, ...rest } = JSON.parse(out);
  assert.equal(tokenDigest(token), digest);
  assert.deepEqual(rest, { name: 'bot', servers: ['github'], owner: 'none', expires: '2027-01-31' });
  assert.equal((await grantNew('--server', 'github', '--expires', '31.1.2027', '--config', config)).code, 2);
});
