import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

/** The windows are so long that none ends while the tests run, except one that is so short that it does. */
const POLICY = `version: "1"
default: deny
tools:
  read:
    limits: [{ counter: reads, window: month, max: 15, scope: grant }]
  create_key:
    action: require_approval
    limits: [{ counter: keys, window: month, max: 5, scope: grant }]
  charge:
    limits:
      - { counter: charges, window: month, max: 100, scope: server, by: args.amount }
      - { counter: charge_calls, window: month, max: 4, scope: server }
  burst: { rate_limit: { max: 2, window: 5 } }
  redacted:
    action: require_approval
    rate_limit: { max: 1, window: 8 }
`;

describe('limits over two gateways', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  let gateways: GatewayProcess[];
  const patient = { meta: { progressToken: 'p' } };
  const at = (n: number, grant = 'agent') => Agent.open(`${gateways[n % 2]!.url}/mcp/tools`, house.tokens[grant]!);

  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, max_pending: 50 }',
      grants: ['other', 'third'],
      databaseUrl: await backing.database(),
      redisUrl: backing.redis!.url,
    });
    gateways = await Promise.all([house.start(), house.start()]);
  });
  after(async () => {
    await house?.close();
    await upstream.close();
    await backing.stop();
  });

  test('P5: sixty allowed calls at once over two gateways: exactly max are let through, the rest are told when', async () => {
    const agents = await Promise.all([0, 1, 2, 3].map((n) => at(n)));
    const sent = Array.from({ length: 60 }, (_, n) => agents[n % 4]!.call('read', { n }).answer);
    const answers = await Promise.all(sent);
    assert.equal(upstream.count('read'), 15);
    assert.equal(answers.filter((answer) => textOf(answer) === 'done').length, 15);
    const refused = answers.filter((answer) => answer.isError === true);
    assert.equal(refused.length, 45);
    for (const answer of refused)
      assert.match(textOf(answer), /^Rate limited: reads allows 15 per month and grant.*Try again in \d+ seconds/s);
    const other = await at(1, 'other');
    assert.equal(textOf(await other.call('read', {}).answer), 'done', 'another grant has its own');
  });

  test('P5: twelve calls approved at once under a limit of five: five run, seven keep their pass', async () => {
    const agents = await Promise.all([at(0), at(1)]);
    const sent = Array.from({ length: 12 }, (_, n) => agents[n % 2]!.call('create_key', { n }, patient));
    const pending = await eventually('twelve are parked', async () => {
      const all = (await gateways[0]!.approvals('pending')).filter((one) => one.tool === 'create_key');
      return all.length === 12 ? all : null;
    });
    await Promise.all(
      pending.map(({ id, fingerprint }, n) =>
        gateways[n % 2]!.api(`/api/approvals/${id}/decisions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ decision: 'approve', fingerprint }),
        }),
      ),
    );
    const answers = await Promise.all(sent.map((one) => one.answer));
    assert.equal(upstream.count('create_key'), 5);
    const kept = answers.filter((answer) => answer.isError === true);
    assert.equal(kept.length, 7);
    for (const answer of kept) {
      assert.match(textOf(answer), /^Rate limited: .* is approved, but keys has no room/);
      assert.equal(noteOf(answer).state, 'approved');
      assert.ok(noteOf(answer).retryAfter! >= 1);
      assert.equal((await gateways[0]!.approval(noteOf(answer).id)).state, 'approved', 'the pass stays');
    }
    const full = await agents[0]!.call('create_key', { n: 'after' }, patient).answer;
    assert.match(textOf(full), /^Rate limited: keys/);
    assert.equal((await gateways[0]!.approvals('pending')).length, 0, 'nobody is asked about a call that has no room');
  });

  test('P5: a pass that met a full window is spent when the window is over, with no second question', async () => {
    const agent = await at(0);
    const first = agent.call('redacted', { n: 1 }, patient);
    const second = agent.call('redacted', { n: 2 }, patient);
    const ids = await eventually('both are parked', async () => {
      const all = (await gateways[0]!.approvals('pending')).filter((one) => one.tool === 'redacted');
      return all.length === 2 ? all.map((one) => one.id) : null;
    });
    // Both dispatches must fall into one window of 8 s, so wait for one with at least 5 s left.
    await eventually('a window begins', () => (Date.now() % 8_000 < 3_000 ? true : null));
    for (const id of ids) await house.approve(id);
    const answers = await Promise.all([first.answer, second.answer]);
    const met = answers.find((answer) => answer.isError === true)!;
    assert.match(textOf(met), /^Rate limited: /);
    assert.equal(upstream.count('redacted'), 1);
    const args = { n: answers.indexOf(met) + 1 };
    await new Promise((resolve) => setTimeout(resolve, noteOf(met).retryAfter! * 1_000));
    assert.equal(textOf(await agent.call('redacted', args, patient).answer), 'done');
    assert.equal(upstream.count('redacted', args), 1);
    assert.equal((await gateways[0]!.approval(noteOf(met).id)).decisions.length, 1);
  });

  test('P5: sums count what the arguments say, all counters or none', async () => {
    const agent = await at(0);
    assert.equal(textOf(await agent.call('charge', { amount: 60 }).answer), 'done');
    assert.match(textOf(await agent.call('charge', { amount: 60 }).answer), /^Rate limited: charges/);
    assert.equal(textOf(await agent.call('charge', { amount: 40 }).answer), 'done');
    assert.match(textOf(await agent.call('charge', { amount: 0.5 }).answer), /^Rate limited: charges/);
    // The refused calls took nothing from the other counter: two of its four calls are left.
    assert.equal(textOf(await agent.call('charge', { amount: 0 }).answer), 'done');
    assert.equal(textOf(await agent.call('charge', { amount: 0 }).answer), 'done');
    assert.match(textOf(await agent.call('charge', { amount: 0 }).answer), /^Rate limited: charge_calls/);
    assert.equal(upstream.count('charge'), 4);
  });

  test('P5: denied, expired and withdrawn calls use nothing; a server that cannot be reached gives it back', async () => {
    const agent = await at(0, 'third');
    const denied = Array.from({ length: 6 }, (_, n) => agent.call('create_key', { denied: n }, patient));
    const pending = await eventually('six are parked', async () => {
      const all = (await gateways[0]!.approvals('pending')).filter((one) => 'denied' in one.arguments);
      return all.length === 6 ? all : null;
    });
    for (const one of pending.slice(0, 4)) await house.deny(one.id);
    await agent.cancel(denied[Number(pending[4]!.arguments.denied)]!.id);
    await agent.cancel(denied[Number(pending[5]!.arguments.denied)]!.id);
    await Promise.all(pending.slice(0, 4).map((one) => denied[Number(one.arguments.denied)]!.answer));
    await upstream.shut();
    for (let n = 0; n < 15; n += 1) {
      const response = await agent.post({
        jsonrpc: '2.0',
        id: `r${n}`,
        method: 'tools/call',
        params: { name: 'read', arguments: { gone: n } },
      });
      assert.equal(response.status, 502);
      assert.match(await response.text(), /cannot be reached/);
    }
    await upstream.open();
    for (let n = 0; n < 5; n += 1) {
      const sent = agent.call('create_key', { ran: n }, patient);
      await house.approve((await gateways[0]!.pending('create_key', { ran: n })).id);
      assert.equal(textOf(await sent.answer), 'done');
    }
    for (let n = 0; n < 15; n += 1) assert.equal(textOf(await agent.call('read', { back: n }).answer), 'done');
    assert.match(textOf(await agent.call('read', { back: 'one more' }).answer), /^Rate limited: reads/);
  });

  test('P5: a rate for each session: two sessions have two, and both have none after that', async () => {
    const [one, two] = [await at(0), await at(1)];
    await eventually('a window begins', () => (Date.now() % 5_000 < 2_000 ? true : null));
    const ran = async (agent: Agent) => textOf(await agent.call('burst', {}).answer);
    assert.deepEqual(
      [await ran(one), await ran(one), await ran(two), await ran(two)],
      ['done', 'done', 'done', 'done'],
    );
    assert.match(await ran(one), /^Rate limited: /);
    assert.match(await ran(two), /^Rate limited: /);
  });
});
