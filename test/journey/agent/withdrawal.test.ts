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
`;

describe('withdrawal', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  const open = () => Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  const patient = { meta: { progressToken: 'p' } };
  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 700ms, progress: 30s } }',
    });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  test('P3: a cancelled call is withdrawn, its card says so, and a click after it is told so', async () => {
    const agent = await open();
    const sent = agent.call('create_key', { name: 'cancelled' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'cancelled' });
    const { ts } = await house.card(id);
    assert.equal(await agent.cancel(sent.id, 'changed my mind'), 202);
    const withdrawn = await gateway.reaches(id, 'withdrawn');
    assert.match(withdrawn.note!, /cancelled/);
    await house.card(id, /ithdrawn/);
    await house.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    await house.slack.waitFor(() => house.slack.ephemerals('U0MIRA').some((m) => /withdr|cancel/i.test(m.text)), 5_000);
    assert.equal((await gateway.approval(id)).state, 'withdrawn');
    assert.equal(upstream.calls.length, 0);
  });

  test('P4: one of two callers cancels: the other goes on waiting and gets the result', async () => {
    const [agent, other] = [await open(), await open()];
    const leaving = agent.call('create_key', { name: 'shared' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'shared' });
    const staying = other.call('create_key', { name: 'shared' }, patient);
    await eventually('both wait', async () => ((await gateway.approval(id)).callers === 2 ? true : null));
    await agent.cancel(leaving.id);
    await eventually('one waits', async () => ((await gateway.approval(id)).callers === 1 ? true : null));
    assert.equal((await gateway.approval(id)).state, 'pending');
    await house.approve(id);
    assert.equal(textOf(await staying.answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'shared' }), 1);
  });

  test('P4: nobody cancels for another session, nor without one', async () => {
    const [agent, other] = [await open(), await open()];
    const sent = agent.call('create_key', { name: 'mine' }, { ...patient, id: 4711 });
    const { id } = await gateway.pending('create_key', { name: 'mine' });
    await other.cancel(4711);
    const without = new Agent(agent.url, house.tokens.agent!);
    await without.cancel(4711);
    await agent.cancel('4711');
    assert.equal((await gateway.approval(id)).state, 'pending');
    await house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
  });

  test('P3: a session that ends takes its calls with it', async () => {
    const agent = await open();
    agent.call('create_key', { name: 'one' }, patient);
    agent.call('create_key', { name: 'two' }, patient);
    const ids = [
      (await gateway.pending('create_key', { name: 'one' })).id,
      (await gateway.pending('create_key', { name: 'two' })).id,
    ];
    assert.equal(await agent.end(), 200);
    for (const id of ids) assert.match((await gateway.reaches(id, 'withdrawn')).note!, /session/);
    assert.equal(upstream.count('create_key', { name: 'one' }) + upstream.count('create_key', { name: 'two' }), 0);
  });

  test('P4: a connection that merely breaks withdraws nothing', async () => {
    const agent = await open();
    const sent = agent.call('create_key', { name: 'broken' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'broken' });
    await eventually('it is held', () => (sent.comments.length > 0 ? true : null));
    sent.disconnect();
    await house.approve(id);
    assert.equal(textOf(await agent.call('create_key', { name: 'broken' }, patient).answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'broken' }), 1);
  });

  test('P2: an approved pass whose last caller cancels lapses unspent', async () => {
    const agent = await open();
    const first = agent.call('create_key', { name: 'approved-then-cancelled' });
    const { id } = noteOf(await first.answer);
    await house.approve(id);
    await gateway.reaches(id, 'approved');
    await agent.cancel(first.id);
    await gateway.reaches(id, 'lapsed');
    await house.card(id, /cancelled|apsed/);
    assert.equal(upstream.count('create_key', { name: 'approved-then-cancelled' }), 0);
  });

  test('P3: a click and a withdrawal at the same instant: one wins, and agent, card and server agree', async () => {
    for (let round = 0; round < 6; round += 1) {
      const args = { name: 'race', round };
      const agent = await open();
      const sent = agent.call('create_key', args, patient);
      const { id } = await gateway.pending('create_key', args);
      await house.card(id);
      const cancel = async () => {
        await new Promise((resolve) => setTimeout(resolve, round * 8));
        await agent.cancel(sent.id);
      };
      await Promise.all([house.approve(id), cancel()]);
      const end = await eventually('it is over', async () => {
        const now = await gateway.approval(id);
        return ['withdrawn', 'lapsed', 'succeeded'].includes(now.state) ? now : null;
      });
      const ran = upstream.count('create_key', args);
      assert.equal(ran, end.state === 'succeeded' ? 1 : 0, `round ${round}: ${end.state}, ran ${ran} times`);
      const says = { withdrawn: /ithdrawn/, lapsed: /apsed|cancelled/, succeeded: /went through|ucceeded/ }[end.state]!;
      await house.card(id, says);
    }
  });
});
