import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import { type SlackStandIn, startSlackStandIn } from '../../../src/demo/slack/stand-in.ts';
import { MANIFEST_SCOPES } from '../../../src/demo/slack/state/workspace.ts';
import { CHANNEL, type House, openHouse } from '../../support/gateway/program.ts';
import { keptTerminal } from '../../support/terminal.ts';

const CLI = new URL('../../../src/cli/cli.ts', import.meta.url).pathname;

let slack: SlackStandIn;
let folder: string;
before(async () => {
  slack = await startSlackStandIn({ rates: false });
  folder = mkdtempSync(join(tmpdir(), 'holdfast-setup-'));
  writeFileSync(join(folder, 'p.yaml'), 'version: "1"\ndefault: deny\n');
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await slack.close();
});

function config(
  more = `slack: { channel: ${CHANNEL}, team: T0MAIN }\napprovers: { security: [U0MIRA, S0123ABC] }\n`,
): void {
  const servers = 'servers: { tools: { url: "http://127.0.0.1:9/mcp", policy: p.yaml } }\n';
  writeFileSync(join(folder, 'holdfast.yaml'), `version: "1"\n${servers}${more}`);
}

/** Runs a command in this test's folder. */
async function holdfast(words: readonly [string, ...string[]], more: Record<string, string> = {}) {
  const env = { SLACK_API_URL: slack.apiUrl, HOLDFAST_CONFIG: join(folder, 'holdfast.yaml'), ...more };
  const { terminal, said } = keptTerminal({ env, cwd: folder });
  const code = await runCommandLine(words, terminal);
  return { code, said: said() };
}

const socket = () => ({ SLACK_BOT_TOKEN: slack.botToken, SLACK_APP_TOKEN: slack.appToken });

describe('holdfast init slack', () => {
  test('writes a manifest for Socket Mode, or for an address, and says what to do next', async () => {
    const made = await holdfast(['init', 'slack', '--out', 'socket.yaml']);
    assert.equal(made.code, 0);
    assert.match(made.said, /From a manifest: paste socket\.yaml/);
    assert.match(made.said, /SLACK_APP_TOKEN=xapp-/);
    const manifest = parse(readFileSync(join(folder, 'socket.yaml'), 'utf8'));
    assert.equal(manifest.settings.socket_mode_enabled, true);
    const http = await holdfast(['init', 'slack', '--out', 'http.yaml', '--public-url', 'https://hold.example/']);
    assert.match(http.said, /SLACK_SIGNING_SECRET/);
    const { settings } = parse(readFileSync(join(folder, 'http.yaml'), 'utf8'));
    assert.equal(settings.interactivity.request_url, 'https://hold.example/slack/events');
  });

  test('leaves a manifest alone that somebody changed', async () => {
    writeFileSync(join(folder, 'mine.yaml'), 'mine');
    const refused = await holdfast(['init', 'slack', '--out', 'mine.yaml']);
    assert.equal(refused.code, 1);
    assert.match(refused.said, /--force/);
    assert.equal(readFileSync(join(folder, 'mine.yaml'), 'utf8'), 'mine');
    assert.equal((await holdfast(['init', 'slack', '--out', 'mine.yaml', '--force'])).code, 0);
  });

  test('with a token it checks everything at once, with or without a config', async () => {
    rmSync(join(folder, 'holdfast.yaml'), { force: true });
    const bare = await holdfast(['init', 'slack'], { ...socket(), SLACK_CHANNEL: CHANNEL });
    assert.deepEqual([bare.code, /✔ Slack is ready: cards go to C0APPROVALS/.test(bare.said)], [0, true], bare.said);
    config();
    assert.equal((await holdfast(['init', 'slack'], socket())).code, 0);
    const nowhere = await holdfast(['init', 'slack'], { ...socket(), SLACK_CHANNEL: 'C0NOWHERE' });
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.said, /no channel C0NOWHERE.*\n {2}→ Check the id/);
  });
});

describe('holdfast doctor slack', () => {
  test('is a command of the program', () => {
    const env = { ...socket(), SLACK_API_URL: 'http://127.0.0.1:9/', HOLDFAST_CONFIG: join(folder, 'none.yaml') };
    const run = () => execFileSync(process.execPath, [CLI, 'doctor', 'slack'], { env, stdio: 'pipe' });
    assert.throws(run, /none\.yaml: cannot be read/);
  });

  test('finds nothing wrong with what is right', async () => {
    config();
    const { code, said } = await holdfast(['doctor', 'slack'], socket());
    assert.deepEqual([code, said], [0, '✔ Slack is ready: cards go to C0APPROVALS, clicks come over Socket Mode\n']);
  });

  /** What is wrong, what the doctor says about it, and its exit code. */
  const FAULTS: Record<
    string,
    { before?: () => unknown; env?: Record<string, string>; config?: string; says: RegExp; code?: number }
  > = {
    'a bot token of another app': {
      env: { SLACK_BOT_TOKEN: 'xoxb-other' },
      says: /refuses SLACK_BOT_TOKEN \(invalid_auth\)\n {2}→ /,
    },
    'a bot token that was revoked': {
      before: () => slack.failNext('auth.test', { kind: 'error', error: 'token_revoked' }),
      says: /\(token_revoked\)\n {2}→ Somebody revoked it\. Install the app .* restart the gateway/,
    },
    'an app that was removed from the workspace': {
      before: () => slack.failNext('auth.test', { kind: 'error', error: 'account_inactive' }),
      says: /\(account_inactive\)\n {2}→ The app was removed .* \/invite/,
    },
    'a bot token that has run out': {
      before: () => slack.failNext('auth.test', { kind: 'error', error: 'token_expired' }),
      says: /\(token_expired\)\n {2}→ Holdfast renews no tokens/,
    },
    'an app token of another app': { env: { SLACK_APP_TOKEN: 'xapp-other' }, says: /refuses SLACK_APP_TOKEN/ },
    'an organisation and an app that are not the token’s': {
      config: 'slack: { channel: C0APPROVALS, enterprise: E0ELSE, app: A0ELSE }\n',
      says: /of no organisation, the config says E0ELSE\n {2}→ [\s\S]*of app A0HOLDFAST, the config says A0ELSE/,
    },
    'a missing scope': {
      before: () => slack.setScopes(MANIFEST_SCOPES.filter((scope) => scope !== 'usergroups:read')),
      says: /usergroups:read is missing, needed to know who is in a user group/,
    },
    'a missing scope that nothing needs': {
      before: () => slack.setScopes(MANIFEST_SCOPES.filter((scope) => scope !== 'im:write')),
      says: /! the scope im:write is missing/,
      code: 0,
    },
    'a channel shared with others': {
      before: () => slack.addChannel({ id: 'C0SHARED', is_ext_shared: true }),
      config: 'slack: { channel: C0APPROVALS, channels: { servers: { tools: C0SHARED } } }\n',
      says: /C0SHARED is shared with another organisation/,
    },
    'a card that this Slack would refuse': {
      before: () => slack.failNext('blocks.validate', { kind: 'error', error: 'invalid_blocks' }),
      says: /✖ Slack would refuse the card of a call that waits \(invalid_blocks/,
    },
    'a Slack that judges no cards': {
      before: () => slack.failNext('blocks.validate', { kind: 'error', error: 'unknown_method' }),
      says: /! this Slack does not judge cards before they are posted/,
      code: 0,
    },
    'a fallback channel that is archived': {
      before: () => slack.addChannel({ id: 'C0ARCHIVED', is_archived: true }),
      config: 'slack: { channel: C0APPROVALS, fallback: C0ARCHIVED }\n',
      says: /channel C0ARCHIVED is archived/,
    },
    'a group that is empty': {
      before: () => slack.addUserGroup({ id: 'S0EMPTY', users: [] }),
      config: 'slack: { channel: C0APPROVALS }\napprovers: { security: [S0EMPTY] }\n',
      says: /S0EMPTY is empty/,
    },
    'an approver who is a guest': {
      before: () => slack.addUser({ id: 'U0GUEST', is_restricted: true }),
      config: 'slack: { channel: C0APPROVALS }\napprovers: { security: [U0GUEST] }\n',
      says: /! U0GUEST can never approve: is_restricted/,
      code: 0,
    },
    'no way for clicks to come': {
      env: { SLACK_APP_TOKEN: '', SLACK_SIGNING_SECRET: 'shh' },
      says: /no address to send clicks to\n {2}→ Set HOLDFAST_PUBLIC_URL/,
    },
    'an address where nothing of ours answers': {
      env: { SLACK_APP_TOKEN: '', SLACK_SIGNING_SECRET: 'shh', HOLDFAST_PUBLIC_URL: 'http://127.0.0.1:9' },
      says: /! nothing of ours answers at http:\/\/127\.0\.0\.1:9\/slack\/events/,
      code: 0,
    },
    'a config with a fault': { config: 'slack: { channel: approvals }\n', says: /slack\.channel: is "approvals"/ },
    'no Slack at all': {
      env: { SLACK_BOT_TOKEN: '', SLACK_APP_TOKEN: '' },
      says: /not configured\n {2}→ Run `holdfast init slack`/,
    },
    'a Slack that does not answer': { before: () => (slack.down = true), says: /\? Slack does not answer/ },
  };
  for (const [name, fault] of Object.entries(FAULTS)) {
    test(`${name}, with a remedy`, async () => {
      config(fault.config);
      fault.before?.();
      const { code, said } = await holdfast(['doctor', 'slack'], { ...socket(), ...fault.env });
      slack.down = false;
      slack.clearFaults();
      slack.setScopes(MANIFEST_SCOPES);
      assert.match(said, fault.says);
      assert.equal(code, fault.code ?? 1, said);
    });
  }
});

describe('holdfast start', () => {
  let house: House;
  before(async () => {
    const at = 'url: "http://127.0.0.1:9/mcp"';
    house = await openHouse({ servers: { tools: { at, policy: 'version: "1"\ndefault: deny\n' } } });
  });
  after(() => house.close());

  test('P8: refuses a channel that outsiders read, and says what to do', async () => {
    house.slack.channel(CHANNEL).is_ext_shared = true;
    const { code, said } = await house.startFails();
    house.slack.channel(CHANNEL).is_ext_shared = false;
    assert.equal(code, 1);
    assert.match(
      said,
      /Slack is not set up.*\n {2}channel C0APPROVALS is shared with another organisation\n {4}→ Use a channel/,
    );
  });

  test('refuses a token that Slack refuses', async () => {
    const { code, said } = await house.startFails({ env: { SLACK_BOT_TOKEN: 'xoxb-other' } });
    assert.equal(code, 1);
    assert.match(said, /refuses SLACK_BOT_TOKEN/);
  });

  test('P4: starts while Slack merely does not answer', async () => {
    house.slack.down = true;
    const gateway = await house.start();
    assert.match(gateway.log, /Slack does not answer/);
    house.slack.down = false;
    assert.equal(await gateway.stop(), 0);
  });
});
