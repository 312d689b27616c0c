import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Agent, noteOf, textOf } from '../support/agent/agent.ts';
import { type Collector, collector } from '../support/audit/collector.ts';
import { visitor } from '../support/console/visitor.ts';
import { type GatewayProcess, type House, openHouse } from '../support/gateway/program.ts';
import { bootWorker, type LocalWorker } from '../support/gateway/worker.ts';
import { workerVars } from '../support/gateway/worker-world.ts';
import { query } from '../support/store/backing.ts';
import { skipWithout, startPostgres, startRedis, type TestServer } from '../support/store/servers.ts';
import { type CountingUpstream, countingUpstream } from '../support/upstream/counting.ts';
import { eventually } from '../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval, approval: { approvers: [security], timeout: 10m } }
  charge: { action: require_approval, approval: { approvers: [security], timeout: 4s } }
`;

const SIGNED_BY_WORKER = `select 1 from holdfast.events where type = 'checkpoint.signed' and body like '%worker-%'`;
const ASSETS = new URL('../../src/web/assets/', import.meta.url).pathname;

async function stateInSql(url: string, id: string): Promise<string> {
  const [row] = await query(url, `select state from holdfast.approvals where id = '${id}'`);
  return String(row!.state);
}

const skip = skipWithout('redis') || skipWithout('postgres');

describe('the Worker, in local workerd, on real Redis and Postgres', { skip, timeout: 240_000 }, () => {
  let redis: TestServer;
  let postgres: TestServer;
  let upstream: CountingUpstream;
  let house: House;
  let node: GatewayProcess;
  let worker: LocalWorker;
  let heard: Collector;
  const vars = (): Record<string, string> => ({
    ...workerVars(house, postgres, redis),
    HOLDFAST_AUDIT_WEBHOOK: heard.url,
    HOLDFAST_AUDIT_WEBHOOK_SECRET: 'shared-with-the-collector',
  });
  const agentAt = (url: string): Promise<Agent> => Agent.open(`${url}/mcp/up`, house.tokens.agent!);

  before(async () => {
    [redis, postgres, upstream, heard] = await Promise.all([
      startRedis(),
      startPostgres(),
      countingUpstream(),
      collector(),
    ]);
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
    await heard?.close();
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

  it('a reviewer signs in at the Worker, sees the call, and approves it in the console', async () => {
    const page = async (path: string, headers: Record<string, string>) => {
      const response = await fetch(worker.url + path, { headers, redirect: 'manual' });
      return { status: response.status, text: await response.text() };
    };
    assert.equal((await page('/', {})).status, 303, 'nobody is let in unsigned');
    const reviewer = await visitor(worker.url, house.adminToken);
    const agent = await agentAt(worker.url);
    const held = agent.call('create_key', { name: 'by console' });
    const { id } = await node.pending('create_key', { name: 'by console' });
    assert.ok((await page('/', reviewer)).text.includes(id));
    for (const path of [
      `/approvals/${id}`,
      '/activity',
      '/audit',
      '/overview',
      '/policies',
      '/grants',
      '/allowances',
      '/freezes',
    ]) {
      assert.equal((await page(path, reviewer)).status, 200, path);
    }
    const decided = await fetch(`${worker.url}/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { ...reviewer, 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    });
    assert.equal(decided.status, 200, await decided.text());
    assert.equal(textOf(await held.answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'by console' }), 1);
  });

  it('serves every file of the console, and its live stream', async () => {
    for (const name of readdirSync(ASSETS)) {
      const response = await fetch(`${worker.url}/console/${name}`);
      assert.equal(response.status, 200, name);
      assert.equal(await response.text(), readFileSync(ASSETS + name, 'utf8'), name);
    }
    const stop = new AbortController();
    const headers = await visitor(worker.url, house.adminToken);
    const stream = await fetch(`${worker.url}/console/stream`, { headers, signal: stop.signal });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    assert.match((await reader.read()).value ?? '', /event: hello/);
    stop.abort();
  });

  it('P8: tells its metrics to the admin token and to nobody else', async () => {
    assert.equal((await fetch(`${worker.url}/metrics`)).status, 403);
    const headers = { authorization: `Bearer ${house.adminToken}` };
    const told = await (await fetch(`${worker.url}/metrics`, { headers })).text();
    assert.match(told, /^holdfast_verdicts_total\{server="up",tool="create_key",verdict="ask"\} [1-9]/m);
    assert.match(told, /^holdfast_decisions_total\{server="up",choice="approve",via="console"\} [1-9]/m);
    assert.match(told, /^holdfast_store_up 1$/m);
  });

  it('P4: an approval expires with nobody connected, and the runtime may be torn down in the middle of a hold', async () => {
    const agent = await agentAt(worker.url);
    const lost = agent.call('charge', { amount: 1 });
    const { id } = await node.pending('charge', { amount: 1 });
    lost.disconnect();
    const held = agent.call('create_key', { name: 'torn down' });
    const kept = await node.pending('create_key', { name: 'torn down' });
    await house.card(kept.id);
    // Only the Worker is left to notice that time has run out.
    await node.kill();
    // Ask the database, because a request would keep the object awake.
    await eventually('it ends by itself', async () =>
      (await stateInSql(postgres.url, id)) === 'expired' ? true : null,
    );

    // Nobody else is left to sign the log, or to deliver it.
    await eventually(
      'the Worker signs the log',
      async () => ((await query(postgres.url, SIGNED_BY_WORKER)).length > 0 ? true : null),
      60_000,
    );
    await eventually('the collector has heard of it', () =>
      heard.received.some(({ body }) => body.includes('"checkpoint.signed"')) ? true : null,
    );

    await worker.stop();
    await assert.rejects(held.answer);
    worker = await bootWorker({ files: house.folder, vars: vars() });
    house.slack.interactivityUrl = `${worker.url}/slack/events`;
    // Wake it as the cron does: on a busy machine a first start may take longer than Slack waits.
    await eventually('it is awake', async () => ((await fetch(`${worker.url}/readyz`)).status === 200 ? true : null));
    await house.approve(kept.id);
    const back = await agentAt(worker.url);
    const answer = await back.call('create_key', { name: 'torn down' }).answer;
    assert.equal(textOf(answer), 'done');
    assert.equal(noteOf(answer).id, kept.id);
    assert.equal(upstream.count('create_key', { name: 'torn down' }), 1);
  });
});
