import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
  burst: { action: require_approval, approval: { timeout: 2500ms } }
`;

describe('callers of the same call', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  const open = (grant = 'agent') => Agent.open(`${gateway.url}/mcp/tools`, house.tokens[grant]!);
  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, pickup: 4s, hold: { default: 800ms, progress: 30s }, max_pending: 3 }',
      grants: ['other'],
    });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  /** The caller sends a progress token, so its call is held longer. */
  const patient = { meta: { progressToken: 'p' } };

  test('P2: ten identical calls at once are one approval, one dispatch and ten answers, nine of them joined', async () => {
    const agents = await Promise.all(Array.from({ length: 3 }, () => open()));
    const args = { name: 'ten' };
    const sent = Array.from({ length: 10 }, (_, at) =>
      agents[at % 3]!.call('create_key', args, { meta: { progressToken: `p${at}` } }),
    );
    const { id } = await gateway.pending('create_key', args);
    await eventually('all ten wait', async () => ((await gateway.approval(id)).callers === 10 ? true : null));
    assert.equal((await gateway.approvals('pending')).length, 1);
    await house.approve(id);
    const answers = await Promise.all(sent.map((one) => one.answer));
    assert.deepEqual(new Set(answers.map(textOf)), new Set(['done']));
    assert.deepEqual(new Set(answers.map((answer) => noteOf(answer).id)), new Set([id]));
    assert.equal(answers.filter((answer) => noteOf(answer).joined === true).length, 9);
    assert.equal(upstream.count('create_key', args), 1);
    await eventually('all have collected', async () => ((await gateway.approval(id)).callers === 0 ? true : null));
    const types = (await gateway.events(id)).map((event) => event.type);
    assert.equal(types.filter((type) => type === 'call.dispatched').length, 1);
    assert.equal(types.filter((type) => type === 'approval.collected').length, 10);
  });

  test('P1: what was approved once is not approved for the next time', async () => {
    const agent = await open();
    const sent = agent.call('create_key', { name: 'ten' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'ten' });
    assert.equal(upstream.count('create_key', { name: 'ten' }), 1);
    await house.deny(id);
    await sent.answer;
  });

  test('P1: another value, another order of work, another agent: another approval; another key order: the same', async () => {
    const [agent, other] = [await open(), await open('other')];
    const first = agent.call('create_key', { a: 1, b: [1, 2] }, patient);
    const { id } = await gateway.pending('create_key', { a: 1 });
    const twin = agent.call('create_key', { b: [1, 2], a: 1 }, patient);
    await eventually('the twin joins', async () => ((await gateway.approval(id)).callers === 2 ? true : null));
    const different = [
      agent.call('create_key', { a: 1, b: [2, 1] }, patient),
      other.call('create_key', { a: 1, b: [1, 2] }, patient),
    ];
    const pending = await eventually('three approvals', async () => {
      const all = await gateway.approvals('pending');
      return all.length === 3 ? all : null;
    });
    assert.equal(new Set(pending.map((one) => one.fingerprint)).size, 3);
    await house.approve(id);
    await Promise.all([first.answer, twin.answer]);
    assert.equal(upstream.calls.filter((call) => call.args.a === 1).length, 1);
    for (const one of pending.filter((two) => two.id !== id)) await house.deny(one.id);
    for (const sent of different) assert.match(textOf(await sent.answer), /^Denied by/);
  });

  test('P4: who can wait no longer gets the pending result, and the identical call joins and gets the outcome', async () => {
    const agent = await open();
    const args = { name: 'patience' };
    const answer = await agent.call('create_key', args).answer;
    assert.match(textOf(answer), /^Waiting for approval: /);
    assert.match(textOf(answer), /exactly the same arguments/);
    const { id, state } = noteOf(answer);
    assert.equal(state, 'pending');
    const again = (await open()).call('create_key', args, patient);
    await eventually('it is seated again', async () => ((await gateway.approval(id)).callers === 1 ? true : null));
    await house.approve(id);
    assert.equal(textOf(await again.answer), 'done');
    assert.equal(noteOf(await again.answer).id, id);
    assert.equal(upstream.count('create_key', args), 1);
  });

  test('P2: approved while the caller was away: the next identical call spends the pass, the one after asks anew', async () => {
    const agent = await open();
    const args = { name: 'away' };
    const { id } = noteOf(await agent.call('create_key', args).answer);
    await house.approve(id);
    await gateway.reaches(id, 'approved');
    assert.equal(upstream.count('create_key', args), 0, 'nobody waits, so nothing runs');
    assert.equal(textOf(await agent.call('create_key', args).answer), 'done');
    const next = await agent.call('create_key', args).answer;
    assert.match(textOf(next), /^Waiting for approval: /);
    assert.notEqual(noteOf(next).id, id);
    assert.equal(upstream.count('create_key', args), 1);
    await house.deny(noteOf(next).id);
  });

  test('P2: a pass that nobody collects lapses, and says so on the card', async () => {
    const agent = await open();
    const { id } = noteOf(await agent.call('create_key', { name: 'lapses' }).answer);
    await house.approve(id);
    await gateway.reaches(id, 'lapsed', 15_000);
    await house.card(id, /nobody collected it in time|apsed/);
    assert.equal(upstream.count('create_key', { name: 'lapses' }), 0);
  });

  test('P4: a denial that came while the caller was away is told once, then the question is a new one', async () => {
    const agent = await open();
    const args = { name: 'denied-away' };
    const { id } = noteOf(await agent.call('create_key', args).answer);
    await house.deny(id, 'ask me in person');
    await gateway.reaches(id, 'denied');
    assert.match(textOf(await agent.call('create_key', args).answer), /^Denied by .*: ask me in person/);
    const anew = await agent.call('create_key', args).answer;
    assert.match(textOf(anew), /^Waiting for approval: /);
    assert.notEqual(noteOf(anew).id, id);
    await house.deny(noteOf(anew).id);
  });

  test('P4: an expiry that came while the caller was away is told once', async () => {
    const agent = await open();
    const { id } = noteOf(await agent.call('burst', { name: 'expired-away' }).answer);
    await gateway.reaches(id, 'expired');
    assert.match(textOf(await agent.call('burst', { name: 'expired-away' }).answer), /^Approval expired: /);
    const anew = await agent.call('burst', { name: 'expired-away' }).answer;
    assert.notEqual(noteOf(anew).id, id);
  });

  test('P4: a caller whose connection broke collects the result that came without it, once', async () => {
    const [agent, witness] = [await open(), await open()];
    const args = { name: 'broken' };
    const lost = agent.call('create_key', args, patient);
    const { id } = await gateway.pending('create_key', args);
    const kept = witness.call('create_key', args, patient);
    await eventually('both wait', async () => ((await gateway.approval(id)).callers === 2 ? true : null));
    lost.disconnect();
    upstream.behave = async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return { text: 'made once' };
    };
    await house.approve(id);
    assert.equal(textOf(await kept.answer), 'made once');
    upstream.behave = () => ({ text: 'done' });
    const collected = await agent.call('create_key', args).answer;
    assert.equal(textOf(collected), 'made once');
    assert.equal(noteOf(collected).joined, true);
    assert.equal(upstream.count('create_key', args), 1);
    const anew = await agent.call('create_key', args).answer;
    assert.match(textOf(anew), /^Waiting for approval: /);
    await house.deny(noteOf(anew).id);
  });

  test('P2: the connection of the dispatching caller breaks: the call is not repeated and its result is collected', async () => {
    const agent = await open();
    const args = { name: 'breaks-while-running' };
    const release = Promise.withResolvers<void>();
    upstream.behave = async () => {
      await release.promise;
      return { text: 'slow but sure' };
    };
    const sent = agent.call('create_key', args, patient);
    const { id } = await gateway.pending('create_key', args);
    await house.approve(id);
    await eventually('the server has the call', () => (upstream.count('create_key', args) === 1 ? true : null));
    sent.disconnect();
    const running = await agent.call('create_key', args).answer;
    assert.match(textOf(running), /was approved and is running/);
    release.resolve();
    upstream.behave = () => ({ text: 'done' });
    await gateway.reaches(id, 'succeeded');
    assert.equal(textOf(await agent.call('create_key', args).answer), 'slow but sure');
    assert.equal(upstream.count('create_key', args), 1);
  });

  test('P6: a number that a double cannot keep is refused before anybody is asked', async () => {
    const agent = await open();
    const before = (await gateway.approvals()).length;
    const body =
      '{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"create_key","arguments":{"n":9007199254740993}}}';
    const text = await (await agent.post(body)).text();
    assert.match(text, /Policy violation: .*Send it as a string/);
    assert.equal((await gateway.approvals()).length, before);
  });

  test('P4: an agent may have only so many pending calls, and is told how many wait', async () => {
    const agent = await open('other');
    const waiting = ['a', 'b', 'c'].map((name) => agent.call('create_key', { name }, patient));
    await eventually('three wait', async () => {
      const all = await gateway.approvals('pending');
      return all.filter((one) => 'abc'.includes(String(one.arguments.name))).length === 3 ? true : null;
    });
    const crowded = await agent.call('create_key', { name: 'd' }, patient).answer;
    assert.match(textOf(crowded), /^Waiting for approval: 3 calls of this agent already wait/);
    const joined = agent.call('create_key', { name: 'a' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'a' });
    await eventually('a twin may still join', async () => ((await gateway.approval(id)).callers === 2 ? true : null));
    for (const one of await gateway.approvals('pending')) await house.deny(one.id);
    await Promise.all([...waiting, joined].map((one) => one.answer));
  });
});
