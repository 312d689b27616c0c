import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { unsignedCalls } from '../../src/config/unsigned-calls.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: { severity: critical }
  drop: { severity: critical, action: require_approval }
  pay: { action: require_approval, approval: { step_up: required } }
`;
const CONFIG = `version: "1"
servers: { s: { url: "http://127.0.0.1:1/mcp", policy: p.yaml } }
approvers: { security: [mira] }
people: { mira: { slack: U0MIRA, login: mira } }
`;

async function found(oidc: boolean, publicUrl?: string, config = CONFIG): Promise<string[]> {
  const more = oidc ? 'oidc: { issuer: "https://login.example.com", client_id: holdfast }\n' : '';
  const loaded = await loadConfig({
    configPath: 'holdfast.yaml',
    env: publicUrl === undefined ? {} : { HOLDFAST_PUBLIC_URL: publicUrl },
    readFile: async (path) => new TextEncoder().encode(path.endsWith('p.yaml') ? POLICY : `${config}${more}`),
  });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return unsignedCalls(loaded).map(({ what, remedy }) => `${what}. ${remedy}`);
}

describe('Calls that should be signed', () => {
  test('are no warning where people can sign', async () => {
    assert.deepEqual(await found(true, 'https://holdfast.example.com'), []);
    assert.deepEqual(await found(true, 'http://localhost:8787'), []);
    const group = CONFIG.replace('[mira]', '[S0GROUP1]');
    assert.deepEqual(await found(true, 'http://localhost:8787', group), [], 'members of user groups sign too');
  });

  test('are told where they cannot, with what is missing', async () => {
    for (const url of [undefined, 'http://holdfast.example.com', 'https://192.0.2.1']) {
      const [required, critical, ...others] = await found(true, url);
      assert.match(required ?? '', /^nobody can approve s\.pay: .*\. Set HOLDFAST_PUBLIC_URL/);
      assert.match(critical ?? '', /^critical calls have no signature: s\.drop can be approved by a click/);
      assert.deepEqual(others, []);
    }
    assert.match((await found(false, 'https://holdfast.example.com'))[0] ?? '', /Configure oidc/);
  });

  test('are told where too few of their approvers can sign in', async () => {
    const url = 'https://holdfast.example.com';
    for (const other of [
      CONFIG.replace(', login: mira', ''),
      CONFIG.replace('[mira]', '[admin, S0GROUP1]').replace('slack: U0MIRA, ', ''),
      CONFIG.replace('[mira]', '[U0ALEX]'),
    ]) {
      assert.match(
        (await found(true, url, other))[0] ?? '',
        /^nobody can approve s\.drop, s\.pay: .*Give approvers a login/,
      );
    }
  });

  test('a policy has one word for it', async () => {
    const wrong = await loadConfig({
      configPath: 'holdfast.yaml',
      env: {},
      readFile: async (path) =>
        new TextEncoder().encode(path.endsWith('p.yaml') ? POLICY.replace('required', 'none') : CONFIG),
    });
    assert.ok(!wrong.ok);
    assert.match(JSON.stringify(wrong.faults), /step_up/);
  });

  test('P1: are not allowed in advance', async () => {
    const allowance = 'allowance: { max_minutes: 15, max_calls: 5 }';
    const wrong = await loadConfig({
      configPath: 'holdfast.yaml',
      env: {},
      readFile: async (path) =>
        new TextEncoder().encode(
          path.endsWith('p.yaml') ? POLICY.replace('step_up: required', `step_up: required, ${allowance}`) : CONFIG,
        ),
    });
    assert.ok(!wrong.ok);
    assert.match(JSON.stringify(wrong.faults), /step_up is required/);
  });
});
