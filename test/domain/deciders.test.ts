import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decidersOf, stuckAsks } from '../../src/config/deciders.ts';
import { loadConfig } from '../../src/config/load.ts';

const ADMIN = '5fK2pQ8xVb7Lm3sRzT9wYd4nHc6J';
const ASKS = 'version: "1"\ndefault: deny\ntools:\n  drop: { action: require_approval }\n';
const GRANT = `{ name: bot, token_sha256: "${'ab'.repeat(32)}", servers: [s], owner: U0SAM }`;
const SLACK = {
  SLACK_BOT_TOKEN: 'xoxb-1',
  SLACK_SIGNING_SECRET: '8f742231b10e8888abcd99yyyzzz85a5',
  SLACK_CHANNEL: 'C0A',
};

async function loadedFrom(more: {
  approvers?: string;
  people?: string;
  grants?: string;
  policy?: string;
  env?: object;
}) {
  const { approvers = '{ security: [U0MIRA] }', people, grants = GRANT, policy = ASKS, env = {} } = more;
  const config = `version: "1"
servers: { s: { url: "http://127.0.0.1:1/", policy: p.yaml } }
grants: [${grants}]
approvers: ${approvers}
${people === undefined ? '' : `people: ${people}\n`}`;
  const files = new Map([
    ['holdfast.yaml', config],
    ['p.yaml', policy],
  ]);
  const loaded = await loadConfig({
    env: { HOLDFAST_PUBLIC_URL: 'https://h.example', ...env },
    readFile: async (path) => (files.has(path) ? new TextEncoder().encode(files.get(path)) : null),
  });
  if (!loaded.ok) assert.fail(JSON.stringify(loaded.faults));
  return loaded;
}

type Case = [name: string, more: Parameters<typeof loadedFrom>[0], kind: string, remedy?: RegExp];
const admin = { HOLDFAST_ADMIN_TOKEN: ADMIN };
const CASES: Case[] = [
  ['people in Slack, and no Slack', {}, 'nobody', /^Set HOLDFAST_ADMIN_TOKEN and list admin/],
  ['a user group, and no Slack', { approvers: '{ security: [S0TEAM] }' }, 'nobody'],
  ['the same with Slack', { env: SLACK }, 'somebody'],
  ['admin, and no token', { approvers: '{ security: [admin] }' }, 'nobody', /^Set HOLDFAST_ADMIN_TOKEN/],
  ['admin with a token', { approvers: '{ security: [admin] }', env: admin }, 'somebody'],
  ['a token, and no admin', { env: admin }, 'nobody', /^List admin in an approver group/],
  [
    'admin only once it escalates',
    {
      approvers: '{ security: [U0MIRA], oncall: [admin] }',
      policy: `${ASKS}    # \n`.replace(
        'require_approval }',
        'require_approval, approval: { approvers: [security], escalate: { after: 5m, to: [oncall] } } }',
      ),
      env: admin,
    },
    'somebody',
  ],
  [
    'admin in another group than the one that is asked',
    {
      approvers: '{ security: [U0MIRA], oncall: [admin] }',
      policy: ASKS.replace('require_approval }', 'require_approval, approval: { approvers: [security] } }'),
      env: admin,
    },
    'nobody',
  ],
  [
    'people who are known, none of whom holds the token',
    {
      approvers: '{ security: [mira, admin] }',
      people: '{ mira: { slack: U0MIRA } }',
      env: admin,
    },
    'nobody',
    /with admin_token: true for its holder/,
  ],
  [
    'a person who holds the token',
    {
      approvers: '{ security: [admin] }',
      people: '{ mira: { slack: U0MIRA, admin_token: true } }',
      env: admin,
    },
    'somebody',
  ],
  [
    'a policy that only asks because of ask_if',
    {
      policy: 'version: "1"\ndefault: deny\ntools:\n  drop: { ask_if: [{ path: args.n, op: gt, value: 1 }] }\n',
    },
    'nobody',
  ],
  ['a policy whose default asks', { policy: 'version: "1"\ndefault: require_approval\n' }, 'nobody'],
  [
    'a policy that never asks',
    { policy: 'version: "1"\ndefault: deny\ndrift: ask\ntools:\n  read: {}\n' },
    'nothing is asked',
  ],
  ['nobody who could call', { grants: '' }, 'nothing is asked'],
];

for (const [name, more, kind, remedy] of CASES) {
  test(`who decides: ${name}: ${kind}`, async () => {
    const found = decidersOf(await loadedFrom(more));
    assert.equal(found.kind, kind);
    if (remedy !== undefined) assert.match(found.kind === 'nobody' ? found.remedy : '', remedy);
  });
}

test('what needs more people than there are, or only its own owner, is told apart: some of it can be decided', async () => {
  const policy = ASKS.replace('require_approval }', 'require_approval, approval: { quorum: 2 } }');
  const both = await loadedFrom({ approvers: '{ security: [admin, U0MIRA] }', policy, env: admin });
  assert.equal(decidersOf(both).kind, 'somebody');
  assert.deepEqual(stuckAsks(both.config.grants[0]!, both), [
    { grant: 'bot', server: 's', what: 'drop', quorum: 2, people: 1 },
  ]);
  const own = await loadedFrom({ approvers: '{ security: [U0SAM] }', env: SLACK });
  assert.equal(decidersOf(own).kind, 'somebody');
  assert.equal(stuckAsks(own.config.grants[0]!, own)[0]?.people, 0);
});
