import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type FloodingUpstream, floodingUpstream } from '../../support/upstream/flooding.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval }
`;
/** Milliseconds for slow senders and slow readers alike; by default they have one minute and two. */
const PATIENCE = 3_000;
/** Bytes: far more than the kernel buffers for a connection that nobody reads. */
const FLOOD = 48 * 1024 * 1024;

describe('slow and half-open connections end, and nothing parked is lost by it', () => {
  let upstream: FloodingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  /** Parked during all of these tests, on a connection that is silent for long. */
  let parked: { id: string; answer: Promise<unknown> };
  const sockets = new Set<Socket>();

  before(async () => {
    upstream = await floodingUpstream(FLOOD);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 5m, progress: 5m } }',
      env: { NODE_ENV: 'test', HOLDFAST_PATIENCE_MS: `${PATIENCE}` },
      slack: false,
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const { answer } = agent.call('create_key', { name: 'bystander' });
    parked = { id: (await gateway.pending('create_key', { name: 'bystander' })).id, answer };
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await house.close();
    await upstream.close();
  });

  async function approve(id: string): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ decision: 'approve' });
    const answer = await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', body, headers });
    assert.equal(answer.status, 200, await answer.text());
  }

  /** Writes `say` to a connection, then `one` again and again; returns what came back once it is closed. */
  async function trickle(say: string, one: string): Promise<string> {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    sockets.add(socket);
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    socket.on('error', () => undefined);
    socket.write(say);
    const drip = setInterval(() => socket.write(one), 50);
    await closed(socket).finally(() => clearInterval(drip));
    return heard;
  }
  const closed = (socket: Socket): Promise<unknown> =>
    eventually('the connection is closed', async () => (socket.closed ? true : null));
  const post = (more: string): string =>
    `POST /mcp/tools HTTP/1.1\r\nhost: ${new URL(gateway.url).host}\r\nauthorization: Bearer ${house.tokens.agent}\r\n${more}`;

  test('headers that trickle in are answered 408, or nothing, and the connection is closed', async () => {
    assert.match(await trickle(post('x-slow: '), 'a'), /^(HTTP\/1\.1 408 |$)/);
  });

  test('a body that trickles in is not waited for', async () => {
    const head = post('content-type: application/json\r\ncontent-length: 4000\r\n\r\n{"jsonrpc":"2.0","id":1,"x":"');
    const before = (await gateway.approvals()).length;
    const heard = await trickle(head, 'a');
    assert.ok(heard === '' || /^HTTP\/1\.1 (408|5\d\d|400) /.test(heard), heard);
    assert.equal((await gateway.approvals()).length, before);
    assert.equal(upstream.calls, 0);
  });

  test('P4: a reader that takes nothing is let go; its call runs to its end, and the same call collects the result', async () => {
    const { hostname, port } = new URL(gateway.url);
    const params = { name: 'create_key', arguments: { name: 'unread' }, _meta: { progressToken: 'p' } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params });
    const socket = connect(Number(port), hostname);
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.pause();
    const accept = 'accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n';
    socket.write(
      `${post(`${accept}mcp-session-id: ${agent.session}\r\ncontent-length: ${body.length}\r\n\r\n`)}${body}`,
    );
    const { id } = await gateway.pending('create_key', { name: 'unread' });
    await approve(id);
    // While nobody reads, the server has to wait: the gateway does not buffer its answer in memory.
    const stalled = await eventually('the server is stopped on its way', async () => {
      const sent = upstream.sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return sent > 0 && upstream.sent === sent ? sent : null;
    });
    assert.ok(stalled < FLOOD, `${stalled} bytes were taken`);
    await gateway.reaches(id, 'succeeded');
    const again = await agent.call('create_key', { name: 'unread' }).answer;
    assert.equal(textOf(again), 'after the flood');
    assert.equal(upstream.calls, 1);
    socket.resume();
    await closed(socket);
  });

  test('a call that is parked meanwhile is as decidable as before, and is answered on its own connection', async () => {
    assert.equal((await gateway.approval(parked.id)).state, 'pending');
    await approve(parked.id);
    assert.equal(textOf((await parked.answer) as never), 'after the flood');
    assert.equal(upstream.calls, 2);
  });
});
