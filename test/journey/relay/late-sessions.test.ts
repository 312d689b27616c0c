import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';

const POLICY = `version: "1"
default: deny
tools:
  cart_add: { action: require_approval }
  cart_show: { action: allow }
`;

/** What the server got: the message's method, or its tool, and the session that it came in. */
interface Got {
  readonly what: string;
  readonly session: string | null;
}

describe('a session that is first handed out with the answer to a held call', () => {
  let server: Server;
  let house: House;
  let gateway: GatewayProcess;
  let got: Got[] = [];
  /** The sessions that are open at the server. */
  const open = new Set<string>();
  let made = 0;

  before(async () => {
    server = createServer(async (request, response) => {
      const message = await jsonOf(request);
      const session = (request.headers['mcp-session-id'] as string | undefined) ?? null;
      const params = (message.params ?? {}) as { name?: string; protocolVersion?: string };
      got.push({ what: params.name ?? String(message.method ?? request.method), session });
      if (session !== null && !open.has(session)) return void response.writeHead(404).end();
      if (request.method !== 'POST') return void response.writeHead(405).end();
      if (message.id === undefined) return void response.writeHead(202).end();
      // It has no session before somebody puts something into a cart.
      const begins = params.name === 'cart_add' && session === null;
      const id = `cart-${++made}`;
      if (begins) open.add(id);
      response.writeHead(200, { 'content-type': 'application/json', ...(begins ? { 'mcp-session-id': id } : {}) });
      const result =
        message.method === 'initialize'
          ? {
              protocolVersion: params.protocolVersion,
              capabilities: { tools: {} },
              serverInfo: { name: 's', version: '1' },
            }
          : { content: [{ type: 'text', text: session ?? (begins ? id : 'no cart') }] };
      response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    house = await openHouse({
      servers: { shop: { at: `url: "http://127.0.0.1:${port}/mcp"`, policy: POLICY } },
      approval: '{ timeout: 1m, hold: { default: 30s } }',
      grants: ['other'],
    });
    gateway = await house.start();
  });
  after(async () => {
    await house?.close();
    server?.close();
  });
  beforeEach(async () => {
    // A client that begins anew: nothing of the one before it is left.
    await post({ id: 0, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {} } });
    got = [];
  });

  const post = async (body: object, headers: Record<string, string> = {}, grant = 'agent'): Promise<Response> => {
    const answer = await fetch(`${gateway.url}/mcp/shop`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${house.tokens[grant]}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    });
    const text = await answer.text();
    return new Response(text === '' ? null : text, {
      status: answer.status === 204 ? 200 : answer.status,
      headers: [...answer.headers],
    });
  };
  const call = (id: number, name: string, args: object = {}) => ({
    id,
    method: 'tools/call',
    params: { name, arguments: args },
  });
  async function held(n: number, headers: Record<string, string> = {}): Promise<Response> {
    const waiting = post(call(n, 'cart_add', { n }), headers);
    await house.approve((await gateway.pending('cart_add', { n })).id);
    return waiting;
  }
  const sessionIn = (answer: Response): string | null => answer.headers.get('mcp-session-id');

  for (const [form, accept] of [
    ['a stream', 'application/json, text/event-stream'],
    ['JSON', 'application/json'],
  ] as const) {
    test(`the next request is sent in it, and its answer tells it (${form})`, async () => {
      const n = form === 'JSON' ? 11 : 1;
      assert.match(await (await held(n, { accept })).text(), /cart-\d+/);
      const id = [...open].at(-1)!;
      const next = await post(call(n + 1, 'cart_show'));
      assert.equal(sessionIn(next), id);
      assert.match(await next.text(), new RegExp(id), 'it ran in the session');
      // Whoever did not read that is told again; whoever names it is not.
      assert.equal(sessionIn(await post(call(n + 2, 'cart_show'))), id);
      const named = await post(call(n + 3, 'cart_show'), { 'mcp-session-id': id });
      assert.deepEqual([named.status, sessionIn(named)], [200, null]);
      assert.equal(sessionIn(await post(call(n + 4, 'cart_show'))), null, 'a request without one is without one again');
      assert.deepEqual(
        got.map(({ session }) => session),
        [null, id, id, id, null],
      );
    });
  }

  test('the next held call is sent in it, and the head of its answer tells it', async () => {
    await held(21);
    const id = [...open].at(-1)!;
    const next = await held(22);
    assert.equal(sessionIn(next), id);
    assert.match(await next.text(), new RegExp(id));
    assert.deepEqual(got.at(-1), { what: 'cart_add', session: id });
  });

  test('another grant gets nothing of it, nor does a client that begins anew', async () => {
    await held(31);
    const id = [...open].at(-1)!;
    assert.equal(sessionIn(await post(call(32, 'cart_show'), {}, 'other')), null);
    assert.equal((await post(call(33, 'cart_show'), { 'mcp-session-id': id }, 'other')).status, 404);
    await post({ id: 0, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {} } });
    assert.equal(sessionIn(await post(call(34, 'cart_show'))), null);
    assert.ok(got.slice(1).every(({ session }) => session === null));
  });

  test('one that the server has ended meanwhile is told once, as the server tells it, and forgotten', async () => {
    await held(41);
    open.clear();
    assert.equal((await post(call(42, 'cart_show'))).status, 404);
    const next = await post(call(43, 'cart_show'));
    assert.deepEqual([next.status, sessionIn(next)], [200, null]);
  });

  test('the official SDK goes on in it', async () => {
    const client = new Client({ name: 'shopper', version: '1' });
    const requestInit = { headers: { authorization: `Bearer ${house.tokens.agent}` } };
    const transport = new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp/shop`), { requestInit });
    await client.connect(transport as never);
    const adding = client.callTool({ name: 'cart_add', arguments: { n: 51 } });
    await house.approve((await gateway.pending('cart_add', { n: 51 })).id);
    await adding;
    const id = [...open].at(-1)!;
    for (let n = 0; n < 2; n++)
      assert.deepEqual((await client.callTool({ name: 'cart_show', arguments: { n } })).content, [
        { type: 'text', text: id },
      ]);
    assert.equal(transport.sessionId, id);
    await client.close();
  });
});

async function jsonOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}
