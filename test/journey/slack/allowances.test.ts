import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key:
    action: require_approval
    risk: write
    approval: { allowance: { max_minutes: 15, max_calls: 5, may_vary: [args.name], within: [{ path: args.name, op: starts_with, value: ci- }] } }
  burst:
    action: require_approval
    approval: { quorum: 2, allowance: { max_minutes: 15, max_calls: 5, may_vary: [args.n] } }
  read: { action: require_approval }
`;

describe('allowances and standing denials in Slack', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  const patient = { meta: { progressToken: 'p' } };

  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approvers: '[U0MIRA, U0ALEX]',
      approval: '{ timeout: 10m, hold: { default: 400ms, progress: 30s }, max_pending: 50 }',
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  async function open(tool: string, args: Record<string, unknown>) {
    const sent = agent.call(tool, args, patient);
    const { id } = await gateway.pending(tool, args);
    const { ts } = await house.card(id);
    return { id, ts, sent };
  }
  const click = (user: string, ts: string, actionId: string) =>
    house.slack.click({ user, channel: CHANNEL, ts, actionId });
  const view = (user: string, id: string) =>
    house.slack.waitFor(
      () => house.slack.openViews(user).find((each) => String(each.view.private_metadata).includes(id)) ?? null,
    );
  const cardText = async (id: string, says: RegExp) => JSON.stringify((await house.card(id, says)).blocks);

  test('P1: the modal says in one sentence what is allowed, its fields narrow it, and the card counts and revokes', async () => {
    const { id, ts, sent } = await open('create_key', { name: 'ci-1', role: 'viewer' });
    assert.match(await cardText(id, /the like for 15 minutes/), /Approve, and the like for 15 minutes…/);
    await click('U0MIRA', ts, 'allow');
    const modal = await view('U0MIRA', id);
    const text = JSON.stringify(modal.view);
    assert.match(
      text,
      /agent may make 5 more calls of tools\.create_key like the approved one in everything but args\.name, where args\.name starts with \\"ci-\\", for 15 minutes\./,
    );
    const wide = await house.slack.submitView({
      user: 'U0MIRA',
      viewId: modal.id,
      values: { minutes: '16', calls: '2' },
    });
    assert.equal(wide.handled, 'errors');
    const taken = await house.slack.submitView({
      user: 'U0MIRA',
      viewId: modal.id,
      values: { minutes: '10', calls: '2', begins0: 'ci-r' },
    });
    assert.match(taken.handled, /closed|cleared/);
    assert.equal(textOf(await sent.answer), 'done');
    assert.match(await cardText(id, /The like is allowed/), /0 of 2 used/);
    assert.match(textOf(await agent.call('create_key', { name: 'ci-2', role: 'viewer' }).answer), /^Waiting/);
    assert.equal(textOf(await agent.call('create_key', { name: 'ci-r2', role: 'viewer' }).answer), 'done');
    await cardText(id, /1 of 2 used/);
    await click('U0ALEX', ts, 'revoke_allowance');
    await cardText(id, /no longer allowed: revoked/);
    assert.match(textOf(await agent.call('create_key', { name: 'ci-r3', role: 'viewer' }).answer), /^Waiting/);
    assert.equal(upstream.count('create_key', { name: 'ci-r3' }), 0);
  });

  test('P1: the second voter of a quorum sees the same bounds and confirms them', async () => {
    const { id, ts, sent } = await open('burst', { n: 1 });
    await click('U0MIRA', ts, 'allow');
    const first = await view('U0MIRA', id);
    await house.slack.submitView({ user: 'U0MIRA', viewId: first.id, values: { minutes: '7', calls: '1' } });
    await cardText(id, /the like for 7 minutes/);
    await click('U0ALEX', ts, 'allow');
    const second = await view('U0ALEX', id);
    assert.match(JSON.stringify(second.view), /one more call of tools\.burst .* for 7 minutes/);
    assert.doesNotMatch(JSON.stringify(second.view), /plain_text_input/);
    await house.slack.submitView({ user: 'U0ALEX', viewId: second.id, values: {} });
    assert.equal(textOf(await sent.answer), 'done');
    assert.equal(textOf(await agent.call('burst', { n: 2 }).answer), 'done');
    assert.match(textOf(await agent.call('burst', { n: 3 }).answer), /^Waiting/);
    const [run] = (await gateway.approvals('succeeded')).filter((one) => one.arguments.n === 2);
    assert.deepEqual(run!.decisions.map(({ approver }) => approver).sort(), ['U0ALEX', 'U0MIRA']);
  });

  test('P1: a modal is about the votes that were there when it opened', async () => {
    const { id, ts, sent } = await open('burst', { n: 10 });
    await click('U0MIRA', ts, 'allow');
    const opened = await view('U0MIRA', id);
    await click('U0ALEX', ts, 'approve');
    await eventually('the vote is there', async () =>
      (await gateway.approval(id)).decisions.length === 1 ? true : null,
    );
    await house.slack.submitView({ user: 'U0MIRA', viewId: opened.id, values: { minutes: '5', calls: '1' } });
    assert.equal((await gateway.approval(id)).decisions.length, 1);
    await click('U0MIRA', ts, 'approve');
    assert.equal(textOf(await sent.answer), 'done');
    assert.match(textOf(await agent.call('burst', { n: 11 }).answer), /^Waiting/);
  });

  test('P3: the like is denied for an hour, with the reason', async () => {
    const { id, ts, sent } = await open('read', { q: 1 });
    await click('U0MIRA', ts, 'deny');
    const modal = await view('U0MIRA', id);
    assert.match(JSON.stringify(modal.view), /Deny, and the like for an hour/);
    await house.slack.submitView({ user: 'U0MIRA', viewId: modal.id, values: { words: 'stop it', standing: '60' } });
    assert.match(textOf(await sent.answer), /^Denied by U0MIRA: stop it/);
    const again = await agent.call('read', { q: 1 }).answer;
    assert.match(textOf(again), /^Denied by U0MIRA: stop it/);
    assert.match(textOf(again), /are denied until/);
    assert.match(textOf(await agent.call('read', { q: 2 }).answer), /^Waiting/);
  });
});
