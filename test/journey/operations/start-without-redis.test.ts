import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
  read: {}
`;

describe('a start while Redis is away', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ hold: { default: 500ms, progress: 60s } }',
      databaseUrl: await backing.database(),
      redisUrl: backing.redis!.url,
    });
  });
  after(async () => {
    await house?.close();
    await upstream?.close();
    await backing?.stop();
  });

  test('P4: it starts, says so, asks and carries out what is approved; with Redis back it is ready', async () => {
    await backing.redis!.kill();
    const gateway = await house.start();
    const ready = await gateway.api('/readyz');
    assert.equal(ready.status, 503);
    const { parts } = (await ready.json()) as { parts: Record<string, string> };
    assert.match(parts.queue!, /^Redis does not answer: .*by the sweep instead/);
    assert.match(gateway.log, /the queue (has trouble|does not do its work)/);
    const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    assert.equal(textOf(await agent.call('read', {}).answer), 'done');
    const parked = noteOf(await agent.call('create_key', { name: 'early' }).answer);
    await house.card(parked.id!, /./);
    await house.approve(parked.id!);
    assert.equal(textOf(await agent.call('create_key', { name: 'early' }).answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'early' }), 1);
    await backing.redis!.begin();
    await eventually('it is ready', async () => ((await gateway.api('/readyz')).status === 200 ? true : null));
    const sent = agent.call('create_key', { name: 'late' }, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('create_key', { name: 'late' });
    await house.card(id, /./);
    await house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
    assert.equal(await gateway.stop(), 0);
  });

  test('it stops in an orderly way, too, while Redis has never been there', async () => {
    await backing.redis!.kill();
    const gateway = await house.start();
    assert.equal(await gateway.stop(), 0);
  });
});
