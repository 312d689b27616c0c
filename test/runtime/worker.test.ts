import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { Agent, noteOf, textOf } from '../support/agent.ts';
import { type CountingUpstream, countingUpstream } from '../support/counting-upstream.ts';
import { eventually, type GatewayProcess, type House, openHouse } from '../support/gateway.ts';
import { skipWithout, startPostgres, startRedis, type TestServer } from '../support/servers.ts';
import { bootWorker, type LocalWorker } from '../support/worker.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval, approval: { approvers: [security], timeout: 10m } }
  charge: { action: require_approval, approval: { approvers: [security], timeout: 4s } }
`;

async function stateInSql(url: string, id: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query('select state from holdfast.approvals where id = $1', [id]);
  await client.end();
  return rows[0].state;
}

const skip = skipWithout('redis') || skipWithout('postgres');

describe('the Worker, in local workerd, on real Redis and Postgres', { skip, timeout: 240_000 }, () => {
  let redis: TestServer;
  let postgres: TestServer;
  let upstream: CountingUpstream;
  let house: House;
  let node: GatewayProcess;
  let worker: LocalWorker;
  const vars = (): Record<string, string> => ({
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    HOLDFAST_SECRET: 's'.repeat(40),
    HOLDFAST_ADMIN_TOKEN: house.adminToken,
    SLACK_BOT_TOKEN: house.slack.botToken,
    SLACK_SIGNING_SECRET: house.slack.signingSecret,
    SLACK_API_URL: house.slack.apiUrl,
  });
  const agentAt = (url: string): Promise<Agent> => Agent.open(`${url}/mcp/up`, house.tokens.agent!);

  before(async () => {
    [redis, postgres, upstream] = await Promise.all([startRedis(), startPostgres(), countingUpstream()]);
    house = await openHouse({
      servers: { up: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 30s } }',
      databaseUrl: postgres.url,
      redisUrl: redis.url,
    });
    node = await house.start();
    worker = await bootWorker({ files: house.folder, vars: vars() });
    house.slack.interactivityUrl = `${worker.url}/slack/events`;
  });

  after(async () => {
    await worker?.stop();
    await house?.close();
    await upstream?.close();
    await redis?.stop();
    await postgres?.stop();
  });

  it('P9: passes on what is allowed', async () => {
    const agent = await agentAt(worker.url);
    assert.equal(textOf(await agent.call('read', { a: 1 }).answer), 'done');
  });

  it('P1: holds a call, and resumes it on a signed click in Slack', async () => {
    const agent = await agentAt(worker.url);
    const held = agent.call('create_key', { name: 'by click' });
    const { id } = await node.pending('create_key', { name: 'by click' });
    assert.equal(upstream.count('create_key', { name: 'by click' }), 0);
    await house.approve(id);
    assert.equal(textOf(await held.answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'by click' }), 1);
    await house.card(id, /done|went through|Approved/);
  });

  it('tells the agent of a denial', async () => {
    const agent = await agentAt(worker.url);
    const held = agent.call('create_key', { name: 'denied' });
    const { id } = await node.pending('create_key', { name: 'denied' });
    await house.deny(id, 'not from there');
    assert.match(textOf(await held.answer), /^Denied by U0ALEX: not from there/);
    assert.equal(upstream.count('create_key', { name: 'denied' }), 0);
  });

  it('P4: a call held by the Worker is decided through a Node gateway, and the other way round', async () => {
    const here = await agentAt(worker.url);
    const held = here.call('create_key', { name: 'held there' });
    const first = await node.pending('create_key', { name: 'held there' });
    house.slack.interactivityUrl = `${node.url}/slack/events`;
    await house.approve(first.id);
    assert.equal(textOf(await held.answer), 'done');

    const there = await agentAt(node.url);
    const other = there.call('create_key', { name: 'held here' });
    const second = await node.pending('create_key', { name: 'held here' });
    house.slack.interactivityUrl = `${worker.url}/slack/events`;
    await house.approve(second.id);
    assert.equal(textOf(await other.answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'held there' }), 1);
    assert.equal(upstream.count('create_key', { name: 'held here' }), 1);
  });

  it('P4: an approval expires with nobody connected, and the runtime may be torn down in the middle of a hold', async () => {
    const agent = await agentAt(worker.url);
    const lost = agent.call('charge', { amount: 1 });
    const { id } = await node.pending('charge', { amount: 1 });
    lost.disconnect();
    const held = agent.call('create_key', { name: 'torn down' });
    const kept = await node.pending('create_key', { name: 'torn down' });
    // Only the Worker is left to notice that time is over.
    await node.kill();
    // Nobody speaks to it: the database is asked, so that no request keeps the object awake.
    await eventually('it ends by itself', async () =>
      (await stateInSql(postgres.url, id)) === 'expired' ? true : null,
    );

    await worker.stop();
    await assert.rejects(held.answer);
    worker = await bootWorker({ files: house.folder, vars: vars() });
    house.slack.interactivityUrl = `${worker.url}/slack/events`;
    await house.approve(kept.id);
    const back = await agentAt(worker.url);
    const answer = await back.call('create_key', { name: 'torn down' }).answer;
    assert.equal(textOf(answer), 'done');
    assert.equal(noteOf(answer).id, kept.id);
    assert.equal(upstream.count('create_key', { name: 'torn down' }), 1);
  });
});
