import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: { limits: [{ counter: reads, window: month, max: 7, shared: upstream }] }
  burst: { limits: [{ counter: bursts, window: month, max: 3 }] }
  create_key: { action: require_approval, limits: [{ counter: keys, window: month, max: 3, scope: server, shared: upstream }] }
`;

describe('two names for one upstream, over two gateways', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  let gateways: GatewayProcess[];
  /** One agent for each name and each gateway. */
  let agents: Agent[];
  const patient = { meta: { progressToken: 'p' } };

  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    house = await openHouse({
      servers: {
        tools: { at: `url: "${upstream.url}"`, policy: POLICY },
        again: { at: `url: "${upstream.url.replace('127.0.0.1', 'localhost')}/?key=k#x"`, policy: POLICY },
      },
      approval: '{ timeout: 10m, max_pending: 50 }',
      databaseUrl: await backing.database(),
      redisUrl: backing.redis!.url,
    });
    gateways = await Promise.all([house.start(), house.start()]);
    agents = await Promise.all(
      gateways.flatMap(({ url }) =>
        ['tools', 'again'].map((name) => Agent.open(`${url}/mcp/${name}`, house.tokens.agent!)),
      ),
    );
  });
  after(async () => {
    await house?.close();
    await upstream.close();
    await backing.stop();
  });

  test('P5: with shared: upstream, exactly max are let through under both names together', async () => {
    const sent = Array.from({ length: 40 }, (_, n) => agents[n % 4]!.call('read', { n }).answer);
    const answers = await Promise.all(sent);
    assert.equal(upstream.count('read'), 7);
    assert.equal(answers.filter((answer) => textOf(answer) === 'done').length, 7);
  });

  test('P5: without it, each name has its own', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => agents[n % 4]!.call('burst', { n }).answer));
    assert.equal(upstream.count('burst'), 6);
  });

  test('P5: approved calls share it too, and keep their pass while it is full', async () => {
    const sent = Array.from({ length: 6 }, (_, n) => agents[n % 4]!.call('create_key', { n }, patient));
    const pending = await eventually('six are parked', async () => {
      const all = await gateways[0]!.approvals('pending');
      return all.length === 6 ? all : null;
    });
    for (const { id } of pending) await house.approve(id);
    const answers = await Promise.all(sent.map(({ answer }) => answer));
    assert.equal(upstream.count('create_key'), 3);
    const kept = answers.filter((answer) => answer.isError === true);
    assert.deepEqual(
      kept.map((answer) => noteOf(answer).state),
      ['approved', 'approved', 'approved'],
    );
  });
});
