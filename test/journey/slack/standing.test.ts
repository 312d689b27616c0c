import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
  charge: { action: require_approval, approval: { quorum: 2 } }
`;

/** What changes after the click at one replica and before the call at another, which has not looked these people up. */
interface Change {
  readonly tool?: string;
  readonly clickers: readonly string[];
  readonly meanwhile: () => unknown;
  readonly note: RegExp;
}

describe('who approved is looked at again when the pass is spent', { skip: skipWithout('postgres') }, () => {
  let postgres: TestServer;
  let upstream: CountingUpstream;
  let house: House;
  let caller: GatewayProcess;
  let agent: Agent;
  before(async () => {
    [postgres, upstream] = await Promise.all([startPostgres(), countingUpstream()]);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approvers: '[U0MIRA, U0LEAVER, U0GUEST, U0QUIT, U0AWAY, S0FIRST, S0SECOND, admin]',
      approval: '{ timeout: 10m, hold: { default: 200ms, progress: 10m } }',
      databaseUrl: postgres.url,
    });
    for (const id of ['U0LEAVER', 'U0GUEST', 'U0QUIT', 'U0AWAY', 'U0ONE', 'U0TWO']) house.slack.addUser({ id });
    house.slack.addUserGroup({ id: 'S0FIRST', users: ['U0ONE'] });
    house.slack.addUserGroup({ id: 'S0SECOND', users: ['U0TWO'] });
    caller = await house.start();
    // The gateway that was started last gets the clicks.
    await house.start();
    agent = await Agent.open(`${caller.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house?.close();
    await upstream.close();
    await postgres.stop();
  });

  /** A call whose agent went away, approved by these people. */
  async function approved(tool: string, name: string, clickers: readonly string[]): Promise<string> {
    const { id } = noteOf(await agent.call(tool, { name }).answer);
    const { ts } = await house.card(id);
    for (const user of clickers) await house.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
    await caller.reaches(id, 'approved');
    return id;
  }

  const CHANGES: Record<string, Change> = {
    'was deactivated': {
      clickers: ['U0LEAVER'],
      meanwhile: () => Object.assign(house.slack.user('U0LEAVER'), { deleted: true }),
      note: /U0LEAVER is now deactivated/,
    },
    'became a guest': {
      clickers: ['U0GUEST'],
      meanwhile: () => Object.assign(house.slack.user('U0GUEST'), { is_restricted: true }),
      note: /U0GUEST is now guest/,
    },
    'has left the group': {
      clickers: ['U0ONE'],
      meanwhile: () => Object.assign(house.slack.userGroup('S0FIRST'), { users: ['U0MIRA'] }),
      note: /U0ONE is no longer in S0FIRST/,
    },
    'is in a group that was disabled': {
      clickers: ['U0TWO'],
      meanwhile: () => Object.assign(house.slack.userGroup('S0SECOND'), { disabled: true, users: [] }),
      note: /U0TWO is no longer in S0SECOND/,
    },
    'was one of two, and is deactivated': {
      tool: 'charge',
      clickers: ['U0MIRA', 'U0QUIT'],
      meanwhile: () => Object.assign(house.slack.user('U0QUIT'), { deleted: true }),
      note: /U0QUIT is now deactivated/,
    },
  };
  for (const [name, { tool = 'create_key', clickers, meanwhile, note }] of Object.entries(CHANGES)) {
    test(`P1: an approver who ${name} meanwhile: the pass lapses unspent, and card and agent say so`, async () => {
      const id = await approved(tool, name, clickers);
      meanwhile();
      const answer = await agent.call(tool, { name }).answer;
      assert.equal(answer.isError, true);
      assert.equal((await caller.approval(id)).state, 'lapsed');
      assert.match((await caller.approval(id)).note!, note);
      await house.card(id, /never run/);
      assert.equal(upstream.count(tool), 0);
    });
  }

  test('P6: while Slack cannot tell, the pass waits; when it can, the call runs, once', async () => {
    const id = await approved('create_key', 'away', ['U0AWAY']);
    house.slack.down = true;
    const waiting = await agent.call('create_key', { name: 'away' }).answer;
    assert.equal(waiting.isError, true);
    assert.match(textOf(waiting), /Slack/);
    assert.deepEqual([(await caller.approval(id)).state, upstream.count('create_key')], ['approved', 0]);
    house.slack.down = false;
    assert.equal(textOf(await agent.call('create_key', { name: 'away' }).answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'away' }), 1);
  });

  test('P4: a decision over the API needs no Slack, neither then nor when the pass is spent', async () => {
    const { id } = noteOf(await agent.call('create_key', { name: 'no slack' }).answer);
    house.slack.down = true;
    const body = JSON.stringify({ decision: 'approve' });
    const headers = { 'content-type': 'application/json' };
    const decided = await caller.api(`/api/approvals/${id}/decisions`, { method: 'POST', headers, body });
    assert.equal(decided.status, 200);
    assert.equal(textOf(await agent.call('create_key', { name: 'no slack' }).answer), 'done');
    house.slack.down = false;
    await house.card(id, /Approved and done/, 30_000);
  });
});
