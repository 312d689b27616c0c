import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { approverUncheckedResult } from '../../../src/mcp/protocol/tool-results.ts';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { sampleApproval } from '../../support/domain/approval.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = 'version: "1"\ndefault: deny\ntools: { create_key: { action: require_approval }, read: {} }\n';
const PATIENCE = 60_000;

interface Ready {
  readonly ready: boolean;
  readonly parts: { readonly slack?: string };
}

describe('a token that Slack has revoked while the gateway runs', () => {
  let upstream: CountingUpstream;
  let house: House;
  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 200ms, progress: 10m } }',
    });
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  const token = (name: string) => house.slack.workspace.tokens.get(name)!;
  const bot = () => token(house.slack.botToken);

  async function readyz(gateway: GatewayProcess): Promise<Ready & { status: number }> {
    const response = await gateway.api('/readyz');
    return { status: response.status, ...((await response.json()) as Ready) };
  }

  async function saysOfSlack(gateway: GatewayProcess, words: RegExp): Promise<void> {
    const now = await eventually(
      `/readyz says ${words}`,
      async () => {
        const now = await readyz(gateway);
        return words.test(now.parts.slack ?? '') ? now : null;
      },
      PATIENCE,
    );
    // It stays ready: calls that need no approval go on, and no other replica has a better Slack.
    assert.deepEqual([now.status, now.ready], [200, true]);
  }

  test('P4: it is said everywhere, with the remedy; with the new token after a restart all goes on', async () => {
    let gateway = await house.start();
    let agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const early = noteOf(await agent.call('create_key', { name: 'early' }).answer);
    const { ts } = await house.card(early.id);
    await saysOfSlack(gateway, /^ok$/);

    bot().revoked = true;
    await eventually('the agent is told', async () => {
      const text = textOf(await agent.call('create_key', { name: 'late' }).answer);
      assert.match(text, /^Waiting for approval: /);
      return /Slack refuses the token of this gateway.*console.*\n/.test(text) ? true : null;
    });
    const { id } = await gateway.pending('create_key', { name: 'late' });
    await saysOfSlack(
      gateway,
      /^Slack refuses SLACK_BOT_TOKEN \(token_revoked\)\. Somebody revoked it\. Install .* restart/,
    );
    const errors = gateway.log.split('\n').filter((line) => line.includes('Slack refuses SLACK_BOT_TOKEN'));
    assert.equal(errors.length, 1, 'the log says it once');
    assert.match(errors[0]!, /"level":50.*Install the app to the workspace again/);
    assert.equal(textOf(await agent.call('read', {}).answer), 'done');

    // Nobody has been looked up yet, so Slack has to be asked who this is.
    await house.slack.click({ user: 'U0ALEX', channel: CHANNEL, ts, actionId: 'approve' });
    const told = await house.slack.waitFor(() => house.slack.ephemerals('U0ALEX', CHANNEL)[0], PATIENCE);
    assert.match(told.text, /nothing was decided.*your operators can see the reason at \/readyz/);
    assert.equal((await gateway.approval(early.id)).state, 'pending');

    const body = JSON.stringify({ decision: 'approve' });
    const headers = { 'content-type': 'application/json' };
    assert.equal((await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', headers, body })).status, 200);
    assert.equal(textOf(await agent.call('create_key', { name: 'late' }).answer), 'done');

    await gateway.stop();
    house.slack.workspace.tokens.set('xoxb-new', { ...bot(), scopes: [...bot().scopes], revoked: false });
    gateway = await house.start({ env: { SLACK_BOT_TOKEN: 'xoxb-new' } });
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    await saysOfSlack(gateway, /^ok$/);
    await house.approve(early.id);
    await gateway.reaches(early.id, 'approved');
    assert.equal(textOf(await agent.call('create_key', { name: 'early' }).answer), 'done');
    await gateway.stop();
    bot().revoked = false;
  });

  test('the token of Socket Mode is named too, until the line is open again', async () => {
    const { appToken } = house.slack;
    const gateway = await house.start({ env: { SLACK_APP_TOKEN: appToken } });
    await saysOfSlack(gateway, /^ok$/);
    token(appToken).revoked = true;
    house.slack.cutSockets();
    await saysOfSlack(gateway, /^Slack refuses SLACK_APP_TOKEN \(token_revoked\)\. Make an app-level token .* restart/);
    assert.match(gateway.log, /"remedy":"Make an app-level token.*Slack refuses SLACK_APP_TOKEN/);
    token(appToken).revoked = false;
    await saysOfSlack(gateway, /^ok$/);
    assert.match(gateway.log, /Slack takes SLACK_APP_TOKEN again/);
    await gateway.stop();
  });

  test('an approved call whose approver cannot be looked up says what has to be done first', () => {
    const [refused, silent, off] = (['refused', 'silent', 'off'] as const).map(
      (one) => approverUncheckedResult(sampleApproval({}), one).content[0].text,
    );
    assert.match(refused!, /is approved, but Slack refuses the gateway's token.*\n.*replace the token.*\/readyz/);
    assert.match(silent!, /is approved, but Slack does not answer/);
    assert.doesNotMatch(silent!, /token/);
    assert.match(off!, /is approved, but Slack is switched off .*\n.*give it one.*\/readyz/);
  });
});
