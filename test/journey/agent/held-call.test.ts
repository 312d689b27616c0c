import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
hide: [hidden]
tools:
  read: {}
  forbidden: { action: deny, reason: Not for agents. }
  create_key: { action: require_approval, reason: Makes a credential. }
  charge: { action: require_approval, approval: { quorum: 2, timeout: 10m } }
  burst: { action: require_approval, approval: { timeout: 1200ms } }
  redacted: { action: require_approval, redact: [args.seed] }
`;

describe('a held call, one gateway in embedded mode', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approvers: '[U0MIRA, U0ALEX, U0SAM, admin]',
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  test('P9: an allowed call passes and nobody is asked', async () => {
    const answer = await agent.call('read', { what: 'weather' }).answer;
    assert.equal(textOf(answer), 'done');
    assert.equal(upstream.count('read'), 1);
    assert.deepEqual(await gateway.approvals(), []);
  });

  test('P1: a denied call and a hidden tool never reach the server, and the model reads why', async () => {
    const answer = await agent.call('forbidden', {}).answer;
    assert.equal(answer.isError, true);
    assert.match(textOf(answer), /^Policy violation: Not for agents\./);
    assert.match(textOf(await agent.call('hidden', {}).answer), /^Policy violation: /);
    assert.match(textOf(await agent.call('never_heard_of', {}).answer), /^Policy violation: /);
    assert.equal(upstream.count('forbidden') + upstream.count('hidden') + upstream.count('never_heard_of'), 0);
  });

  test('P1: nothing reaches the server before the click; after it the very call that waited runs', async () => {
    const args = { name: 'ci', depth: { list: [1, 'two', null] } };
    const sent = agent.call('create_key', args, { meta: { progressToken: 'tok' } });
    const { id } = await gateway.pending('create_key');
    await house.card(id);
    await eventually('a sign of life', () => (sent.comments.length > 0 && sent.notifications.length > 0 ? true : null));
    assert.equal(upstream.count('create_key'), 0);
    await house.approve(id);
    const answer = await sent.answer;
    assert.equal(textOf(answer), 'done');
    assert.equal(answer.isError, undefined);
    assert.equal(noteOf(answer).id, id);
    assert.deepEqual(
      upstream.calls.filter((call) => call.tool === 'create_key').map((call) => call.args),
      [args],
    );
  });

  test('P1: a denial is told with its reason, and nothing runs', async () => {
    const sent = agent.call('create_key', { name: 'refused' });
    const { id } = await gateway.pending('create_key', { name: 'refused' });
    await house.deny(id, 'viewer is enough');
    const answer = await sent.answer;
    assert.equal(answer.isError, true);
    assert.match(textOf(answer), /^Denied by .*: viewer is enough/);
    assert.equal(noteOf(answer).state, 'denied');
    assert.equal(upstream.count('create_key', { name: 'refused' }), 0);
  });

  test('P1: an approval that nobody gave in time is expired, and a click after it counts for nothing', async () => {
    const sent = agent.call('burst', { name: 'late' });
    const { id } = await gateway.pending('burst');
    const { ts } = await house.card(id);
    const answer = await sent.answer;
    assert.match(textOf(answer), /^Approval expired: /);
    await house.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    assert.equal((await gateway.approval(id)).state, 'expired');
    await house.card(id, /xpired/);
    assert.equal(upstream.count('burst'), 0);
  });

  test('P1: the owner of the grant and a stranger may click as they like', async () => {
    house.slack.addUser({ id: 'U0EVE', name: 'eve' });
    const sent = agent.call('create_key', { name: 'eligible' });
    const { id } = await gateway.pending('create_key', { name: 'eligible' });
    for (const user of ['U0SAM', 'U0EVE']) {
      await house.approve(id, user);
      await house.slack.waitFor(() => house.slack.ephemerals(user).length > 0, 5_000);
    }
    assert.equal((await gateway.approval(id)).state, 'pending');
    assert.equal(upstream.count('create_key', { name: 'eligible' }), 0);
    const refused = (await gateway.events(id)).filter((event) => event.type === 'approval.refused');
    const told = refused.map((event) => [event.actor, event.data.reason]);
    assert.deepEqual(told, [
      ['slack:U0SAM', 'own_call'],
      ['slack:U0EVE', 'not_an_approver'],
    ]);
    await house.deny(id);
    await sent.answer;
  });

  test('P1: two are needed: one person twice is one, and the second person lets it run', async () => {
    const sent = agent.call('charge', { amount: 5 });
    const { id } = await gateway.pending('charge');
    await house.approve(id, 'U0MIRA');
    await house.approve(id, 'U0MIRA');
    assert.equal((await gateway.approval(id)).state, 'pending');
    assert.equal(upstream.count('charge'), 0);
    await house.approve(id, 'U0ALEX');
    assert.equal(textOf(await sent.answer), 'done');
    assert.equal(upstream.count('charge'), 1);
  });

  test('P3: of two who click at once one decides, and both are told the same', async () => {
    const sent = agent.call('create_key', { name: 'contested' });
    const { id, fingerprint } = await gateway.pending('create_key', { name: 'contested' });
    const decide = (decision: string) =>
      gateway.api(`/api/approvals/${id}/decisions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ decision, fingerprint }),
      });
    // The card must be there first: posted after the denial, it would have no buttons.
    await house.card(id);
    const [denial] = await Promise.all([decide('deny'), house.approve(id), house.approve(id, 'U0ALEX')]);
    const { state, decisions } = await gateway.approval(id);
    assert.equal(decisions.length, 1);
    assert.equal(denial.status, decisions[0]!.decision === 'deny' ? 200 : 409);
    const late = await decide('deny');
    assert.equal(late.status, 409);
    assert.deepEqual(
      ((await late.json()) as { decisions: unknown[] }).decisions,
      (await gateway.approval(id)).decisions,
    );
    const answer = await sent.answer;
    assert.equal(upstream.count('create_key', { name: 'contested' }), decisions[0]!.decision === 'approve' ? 1 : 0);
    assert.match(textOf(answer), decisions[0]!.decision === 'approve' ? /done/ : /^Denied by/);
    assert.ok(['approved', 'dispatched', 'succeeded', 'denied'].includes(state));
  });

  test('P2: a server that resets leaves the outcome unknown: told to agent and card, repeated by nobody', async () => {
    upstream.behave = () => 'reset';
    const sent = agent.call('create_key', { name: 'reset' });
    const { id } = await gateway.pending('create_key', { name: 'reset' });
    await house.approve(id);
    assert.match(textOf(await sent.answer), /^Outcome unknown: /);
    await house.card(id, /unknown/i);
    upstream.behave = () => ({ text: 'done' });
    const again = agent.call('create_key', { name: 'reset' });
    const second = await gateway.pending('create_key', { name: 'reset' });
    assert.equal(second.previousUnknown, id);
    await house.card(second.id, /outcome of the same call before this one is unknown/);
    assert.equal(upstream.count('create_key', { name: 'reset' }), 1);
    await house.deny(second.id);
    assert.match(textOf(await again.answer), /^Denied by/);
  });

  test('P2: connections refused: the pass stays and the identical call spends it, with no second question', async () => {
    const sent = agent.call('create_key', { name: 'refused-connection' });
    const { id } = await gateway.pending('create_key', { name: 'refused-connection' });
    await upstream.shut();
    await house.approve(id);
    const answer = await sent.answer;
    assert.match(textOf(answer), /^Not sent: /);
    assert.equal(noteOf(answer).state, 'approved');
    await upstream.open();
    assert.equal(textOf(await agent.call('create_key', { name: 'refused-connection' }).answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'refused-connection' }), 1);
    assert.equal((await gateway.reaches(id, 'succeeded')).decisions.length, 1);
  });

  test('P2: a server that forgot the session did not run the call: it is run once, in a new session', async () => {
    const sent = agent.call('create_key', { name: 'forgotten' });
    const { id } = await gateway.pending('create_key', { name: 'forgotten' });
    upstream.forgetSessions();
    await house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'forgotten' }), 1);
    assert.match((await gateway.reaches(id, 'succeeded')).note ?? '', /in a new session/);
    agent = await Agent.open(agent.url, house.tokens.agent!);
  });

  test('P7: verdict, decision, dispatch and outcome are events of their own, durable before their effect', async () => {
    const seen: string[][] = [];
    upstream.behave = async () => {
      const types = (await gateway.events()).map((event) => event.type);
      seen.push(types.filter((type) => /^(call|approval)\./.test(type)));
      return { text: 'done' };
    };
    const sent = agent.call('create_key', { name: 'audited' });
    const { id } = await gateway.pending('create_key', { name: 'audited' });
    await house.approve(id);
    await sent.answer;
    upstream.behave = () => ({ text: 'done' });
    assert.equal(seen[0]!.at(-1), 'call.dispatched', 'the log had the dispatch when the server had the call');
    const types = (await gateway.events(id)).map((event) => event.type).filter((type) => !type.startsWith('card.'));
    assert.deepEqual(
      types.filter((type) => type !== 'approval.collected'),
      ['approval.requested', 'approval.decided', 'call.dispatched', 'call.succeeded'],
    );
    const chained = await eventually('every event is chained', async () => {
      const all = await gateway.events();
      return all.every((event) => event.seq !== null) ? all : null;
    });
    assert.deepEqual(
      chained.map((event) => event.seq).sort((a, b) => a! - b!),
      chained.map((_, index) => index + 1),
    );
  });

  test('P1: a policy that came to deny while the call was parked stops it, and both sides learn why', async () => {
    const sent = agent.call('create_key', { name: 'too-late' });
    const { id } = await gateway.pending('create_key', { name: 'too-late' });
    house.writePolicy(
      'tools',
      POLICY.replace(
        '{ action: require_approval, reason: Makes a credential. }',
        '{ action: deny, reason: No more keys. }',
      ),
    );
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('the new policy rules', async () =>
      (await gateway.events()).filter((event) => event.type === 'policy.loaded').length > 1 ? true : null,
    );
    await house.approve(id);
    assert.match(textOf(await sent.answer), /^Approval lapsed: policy now denies it: No more keys\./);
    await house.card(id, /No more keys/);
    assert.equal(upstream.count('create_key', { name: 'too-late' }), 0);
    house.writePolicy('tools', POLICY);
    process.kill(gateway.pid, 'SIGHUP');
    // The signal and the file watcher may each cause a reload, so the newest digest counts, not the number of loads.
    await eventually('the old policy rules again', async () => {
      const loaded = (await gateway.events()).filter((event) => event.type === 'policy.loaded');
      return JSON.stringify(loaded.at(-1)?.data) === JSON.stringify(loaded[0]?.data) ? true : null;
    });
  });

  test('editors get the schema of policy files at a stable path', async () => {
    const response = await fetch(`${gateway.url}/schema/policy.json`);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), JSON.parse(readFileSync('policies/schema.json', 'utf8')));
  });

  test('P10: the card names the fingerprint, and a button of another call decides nothing', async () => {
    const one = agent.call('create_key', { name: 'card-one' });
    const first = await gateway.pending('create_key', { name: 'card-one' });
    const two = agent.call('create_key', { name: 'card-two' });
    const second = await gateway.pending('create_key', { name: 'card-two' });
    const card = await house.card(first.id);
    assert.ok(JSON.stringify(card.blocks).includes(first.fingerprint.slice(0, 16)));
    const value = approveValue((await house.card(second.id)).blocks);
    await house.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: card.ts, actionId: 'approve', value });
    assert.equal((await gateway.approval(first.id)).state, 'pending');
    assert.equal((await gateway.approval(second.id)).state, 'pending');
    await house.deny(first.id);
    await house.deny(second.id);
    await Promise.all([one.answer, two.answer]);
  });

  test('P8: redacted arguments, tokens and results are in no event, card, log line or file', async () => {
    const markers = { seed: 'MARKER-seed-7f3a', password: 'MARKER-password-9c1d' };
    upstream.behave = () => ({ text: 'the key is MARKER-result-55e2' });
    const sent = agent.call('redacted', { name: 'swept', seed: markers.seed, deep: { password: markers.password } });
    const { id, arguments: shown } = await gateway.pending('redacted');
    assert.deepEqual(shown, { name: 'swept', seed: '[redacted]', deep: { password: '[redacted]' } });
    await house.card(id);
    await house.approve(id);
    assert.match(textOf(await sent.answer), /MARKER-result-55e2/);
    upstream.behave = () => ({ text: 'done' });
    await house.card(id, /went through|succeeded/i);
    const api = JSON.stringify([await gateway.events(), await gateway.approvals()]);
    await gateway.stop();
    const secrets = [
      ...Object.values(markers),
      'MARKER-result',
      house.tokens.agent!,
      house.adminToken,
      house.slack.botToken,
      house.slack.signingSecret,
    ];
    const places = { api, slack: house.slackTraffic(), log: gateway.log + gateway.stdout, ...filesUnder(house.folder) };
    for (const [place, text] of Object.entries(places)) {
      for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} is in ${place}`);
    }
    assert.ok(places.slack.includes('swept'), 'the sweep looked at what is there');
    assert.ok(Object.keys(places).length > 20, 'the sweep looked into the database');
  });
});

/** The value of the Approve button in these blocks. */
function approveValue(blocks: readonly unknown[]): string {
  const elements = (blocks as { elements?: { action_id?: string; value?: string }[] }[]).flatMap(
    (b) => b.elements ?? [],
  );
  return elements.find((element) => element.action_id === 'approve')!.value!;
}

function filesUnder(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return Object.fromEntries(
    files.filter((file) => statSync(file).isFile()).map((file) => [file, readFileSync(file, 'latin1')]),
  );
}
