import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type House, openHouse } from '../../support/gateway/program.ts';
import { skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { type Standby, startStandby } from '../../support/store/standby.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools: { create_key: { action: require_approval } }
`;

describe('a fail-over to a standby that lacks the last commits', { skip: skipWithout('postgres') }, () => {
  let primary: TestServer;
  let standby: Standby;
  let upstream: CountingUpstream;
  let house: House;
  before(async () => {
    [primary, upstream] = await Promise.all([startPostgres(), countingUpstream()]);
    standby = await startStandby(primary.port);
  });
  after(async () => {
    await house?.close();
    standby?.stop();
    await upstream?.close();
    await primary?.stop();
  });

  test('P2: while the gateway runs: the call does not run twice, the start had warned, an operator accepts', async () => {
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 1s, progress: 60s } }',
      databaseUrl: primary.url,
    });
    const gateway = await house.start();
    assert.match(gateway.log, /it has a standby and no synchronous_standby_names/);
    const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const args = { name: 'once' };
    const sent = agent.call('create_key', args, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('create_key', args);
    await house.card(id);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    standby.fallBehind();
    await house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
    await primary.kill();
    standby.promote(primary.port);
    const alarms = await eventually(
      'the alarm',
      async () => {
        const response = await gateway.api('/readyz').catch(() => null);
        const body = (await response?.json()) as { alarms?: { kind: string; why: string }[] } | undefined;
        return body?.alarms?.some(({ kind }) => kind === 'went_back') ? body.alarms : null;
      },
      60_000,
    );
    assert.ok(
      alarms.some(({ why }) => why.includes(id)),
      JSON.stringify(alarms),
    );
    assert.match(textOf(await agent.call('create_key', args).answer), /^Cannot decide/);
    const accepted = await gateway.api('/api/store/accept', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"reason":"the standby is what there is"}',
    });
    assert.deepEqual(((await accepted.json()) as { unknown: string[] }).unknown, [id]);
    await gateway.reaches(id, 'unknown');
    assert.equal(upstream.count('create_key', args), 1);
  });
});
