import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  gated_read: { action: require_approval }
  send: { deny_if: [{ after: { tool: "*read*", within: 1s } }] }
`;
const DONE = { content: [{ type: 'text', text: 'done' }] };

/** A server that brings what it reads as a task, or on a stream that breaks off and is resumed by GET. */
async function lateServer(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const opened: ServerResponse[] = [];
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const event = (data: object, id = 'e2') => response.write(`id: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
    const asStream = () => response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (request.method === 'GET') {
      asStream();
      event({ jsonrpc: '2.0', id: Number(String(request.headers['last-event-id']).slice(1)), result: DONE });
      return void response.end();
    }
    if (request.method !== 'POST') return void response.writeHead(200).end();
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString());
    if (id === undefined) return void response.writeHead(202).end();
    const answer = (result: object): void => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    };
    if (method === 'initialize') {
      response.setHeader('mcp-session-id', `session-${opened.length}-${Math.random()}`);
      const serverInfo = { name: 'late', version: '1' };
      return answer({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo });
    }
    if (method === 'tools/call' && params.name === 'read_task')
      return answer({ task: { taskId: 't', status: 'working', ttl: null, createdAt: '', lastUpdatedAt: '' } });
    if (method === 'tools/call' && params.name === 'read_stream') {
      asStream();
      opened.push(response);
      return void event(
        { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: '' } },
        `s${id}`,
      );
    }
    return answer(DONE);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

describe('what an earlier call brings late, over two gateways', {
  skip: skipWithoutBacking('redis and postgres'),
}, () => {
  let backing: Backing;
  let upstream: Awaited<ReturnType<typeof lateServer>>;
  let house: House;
  let gateways: GatewayProcess[];
  const grants = ['g0', 'g1', 'g2', 'g3'];

  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), lateServer()]);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 500ms, progress: 60s } }',
      grants,
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

  const at = (grant: string, which: number) =>
    Agent.open(`${gateways[which]!.url}/mcp/tools`, house.tokens[grant]!, '2025-11-25');
  const sends = async (agent: Agent) => textOf(await agent.call('send', {}).answer);
  const isOver = (agent: Agent) =>
    eventually('the time is over', async () => ((await sends(agent)) === 'done' ? true : null));

  test('P1: the result of a server’s own task counts from when it is fetched', async () => {
    const [one, two] = [await at('g0', 0), await at('g0', 1)];
    const task = {
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: { name: 'read_task', arguments: {}, task: {} },
    };
    assert.match(await (await one.post(task)).text(), /working/);
    assert.match(await sends(two), /Policy violation/);
    await isOver(two);
    two.session = one.session;
    const fetched = await two.post({ jsonrpc: '2.0', id: 8, method: 'tasks/result', params: { taskId: 't' } });
    assert.match(await fetched.text(), /done/);
    assert.match(await sends(one), /Policy violation/);
    await isOver(one);
  });

  test('P1: the response of a stream that its agent left counts from when another stream brings it', async () => {
    const [one, two] = [await at('g1', 0), await at('g1', 1)];
    const leave = new AbortController();
    const call = { jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'read_stream', arguments: {} } };
    const left = await one.post(call, { signal: leave.signal });
    await left.body!.getReader().read();
    leave.abort();
    await isOver(two);
    two.session = one.session;
    assert.match(await (await two.resume('s9')).text(), /"id":9.*done/);
    assert.match(await sends(one), /Policy violation/);
    await isOver(one);
  });

  test('P1: the answer of an approved call counts from when it is collected', async () => {
    const [one, two] = await Promise.all(
      [0, 1].map((which) => Agent.open(`${gateways[which]!.url}/mcp/tools`, house.tokens.g2!)),
    );
    const patient = one!.call('gated_read', {}, { meta: { progressToken: 'p' } });
    const { id } = await gateways[0]!.pending('gated_read');
    assert.doesNotMatch(textOf(await two!.call('gated_read', {}).answer), /^done/, 'it waits no longer');
    await house.approve(id);
    assert.equal(textOf(await patient.answer), 'done');
    await isOver(one!);
    assert.equal(textOf(await two!.call('gated_read', {}).answer), 'done');
    assert.match(await sends(one!), /Policy violation/);
  });

  test('what comes by other ways is nothing where every call was answered', async () => {
    const agent = await at('g3', 0);
    assert.equal(textOf(await agent.call('read_now', {}).answer), 'done');
    await isOver(agent);
    await (await agent.post({ jsonrpc: '2.0', id: 8, method: 'tasks/result', params: { taskId: 't' } })).text();
    assert.match(await (await agent.resume('s9')).text(), /done/);
    assert.equal(await sends(agent), 'done');
  });
});
