import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
  burst: { action: require_approval, approval: { timeout: 2s } }
`;

describe('kill -9 in embedded mode', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  const patient = { meta: { progressToken: 'p' } };
  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 1s, progress: 60s } }',
    });
    await begin();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  async function begin(): Promise<void> {
    gateway = await house.start();
    if (agent !== undefined) agent.url = `${gateway.url}/mcp/tools`;
  }
  /** Repeats the same call until it gets a final answer. */
  const insist = (args: Record<string, unknown>) =>
    eventually(
      'the outcome',
      async () => {
        const answer = await agent.call('create_key', args).answer;
        return textOf(answer).startsWith('Waiting') ? null : answer;
      },
      30_000,
    );

  /** One call is under way and one is parked when the process dies for the first time. */
  const running = { name: 'running' };
  let dispatched: string;

  test('P4: killed while a call is parked: after the restart a click counts, and the identical call collects its result', async () => {
    await dispatchAndHang();
    const args = { name: 'parked' };
    const lost = agent.call('create_key', args, patient);
    const { id } = await gateway.pending('create_key', args);
    const { ts } = await house.card(id);
    await gateway.kill();
    await assert.rejects(lost.answer);
    upstream.behave = () => ({ text: 'done' });
    await begin();
    assert.equal((await gateway.approval(id)).state, 'pending');
    await house.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    assert.equal(textOf(await insist(args)), 'done');
    await gateway.reaches(id, 'succeeded');
    assert.equal(upstream.count('create_key', args), 1);
    // A card job that died with its process is found again within half a minute.
    await house.card(id, /went through|ucceeded/, 45_000);
  });

  async function dispatchAndHang(): Promise<void> {
    upstream.behave = () => new Promise(() => undefined);
    agent.call('create_key', running, patient);
    dispatched = (await gateway.pending('create_key', running)).id;
    await house.approve(dispatched);
    await eventually('the server has the call', () => (upstream.count('create_key', running) === 1 ? true : null));
  }

  test('P4: killed after the decision: the decision stands and the pass is spent once', async () => {
    const args = { name: 'decided' };
    const { id } = noteOf(await agent.call('create_key', args).answer);
    await house.approve(id);
    await gateway.kill();
    await begin();
    assert.equal((await gateway.approval(id)).state, 'approved');
    assert.equal(textOf(await insist(args)), 'done');
    assert.equal(upstream.count('create_key', args), 1);
  });

  test('P4: what expired while nobody ran is expired at the start, on the card too', async () => {
    const { id } = noteOf(await agent.call('burst', { name: 'overnight' }).answer);
    await house.card(id);
    await gateway.kill();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await begin();
    await gateway.reaches(id, 'expired');
    await house.card(id, /xpired/);
  });

  test('P4: asked to stop, held calls get the pending result at once, and calls under way finish', async () => {
    const release = Promise.withResolvers<{ text: string }>();
    upstream.behave = () => release.promise;
    const running = agent.call('create_key', { name: 'under-way' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'under-way' });
    await house.approve(id);
    await eventually('it runs', () => (upstream.count('create_key', { name: 'under-way' }) === 1 ? true : null));
    const held = agent.call('create_key', { name: 'held' }, patient);
    const other = await gateway.pending('create_key', { name: 'held' });
    const stopping = gateway.stop();
    assert.match(textOf(await held.answer), /^Waiting for approval: /);
    release.resolve({ text: 'finished' });
    assert.equal(textOf(await running.answer), 'finished');
    assert.equal(await stopping, 0);
    upstream.behave = () => ({ text: 'done' });
    await begin();
    assert.equal((await gateway.approval(id)).state, 'succeeded');
    assert.equal((await gateway.approval(other.id)).state, 'pending');
    await house.approve(other.id);
    assert.equal(textOf(await insist({ name: 'held' })), 'done');
    assert.equal(upstream.count('create_key', { name: 'held' }), 1);
  });

  test('P2: killed between dispatch and answer: the outcome is unknown, told once, and asked anew', async () => {
    await gateway.reaches(dispatched, 'unknown', 60_000);
    await house.card(dispatched, /nknown/, 45_000);
    const told = await insist(running);
    assert.match(textOf(told), /^Outcome unknown: /);
    assert.match(textOf(told), /Check the system before repeating/);
    const anew = await agent.call('create_key', running).answer;
    assert.match(textOf(anew), /^Waiting for approval: /);
    assert.equal((await gateway.approval(noteOf(anew).id)).previousUnknown, dispatched);
    assert.equal(upstream.count('create_key', running), 1, 'nobody repeated it');
    assert.ok((await gateway.events(dispatched)).some((event) => event.type === 'call.unknown'));
  });

  test('P7: kill -9 leaves a chain without a gap', async () => {
    const all = await eventually('every event is chained', async () => {
      const events = await gateway.events();
      return events.every((event) => event.seq !== null) ? events : null;
    });
    const places = all.map((event) => event.seq!).sort((a, b) => a - b);
    assert.deepEqual(
      places,
      places.map((_, index) => index + 1),
    );
  });

  test('P6: a second process on the same directory is refused with words', async () => {
    const { code, said } = await house.startFails();
    assert.equal(code, 1);
    assert.match(said, /is in use by another Holdfast process\. Embedded mode is for one process/);
    assert.equal((await gateway.api('/readyz')).status, 200);
  });
});
