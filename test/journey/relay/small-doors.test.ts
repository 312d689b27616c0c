import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { auth, type OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Exchange, ExchangeAnswer, Upstream } from '../../../src/ports.ts';
import { type ServedDoor, servedDoor } from '../../support/relay/served-door.ts';

const INIT = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":{"name":"raw"}}}';

describe('small doors', () => {
  let door: ServedDoor;
  /** What the server answers, and what it got. */
  let answer: (exchange: Exchange) => ExchangeAnswer;
  const got: string[] = [];
  const upstream: Upstream = {
    kind: 'http',
    exchange: async (exchange) => {
      got.push(new TextDecoder().decode(exchange.body ?? new Uint8Array()));
      return answer(exchange);
    },
    close: async () => undefined,
  };
  const json = (text: string, headers: [string, string][] = []): ExchangeAnswer => ({
    kind: 'answer',
    status: 200,
    headers: [['content-type', 'application/json'], ...headers],
    body: new TextEncoder().encode(text),
  });
  const post = (body: string, headers: Record<string, string> = {}, url = door.url('tools')) =>
    fetch(url, {
      method: 'POST',
      body,
      headers: {
        authorization: 'Bearer alice',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
    });
  before(async () => {
    const entry = { upstream, headers: {}, isHidden: () => false, inspectsLists: false };
    door = await servedDoor([
      { ...entry, name: 'tools' },
      { ...entry, name: 'private' },
    ]);
  });
  after(() => door[Symbol.asyncDispose]());

  for (const part of ['"arguments":null', '"_meta":null', '"arguments":null,"_meta":null']) {
    test(`P9: ${part} passes as it came`, async () => {
      answer = () => json('{"jsonrpc":"2.0","id":1,"result":{}}');
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a",${part}}}`;
      const response = await post(body);
      assert.equal(response.status, 200, await response.text());
      assert.equal(got.at(-1), body);
    });
  }

  const call = (id: string, rest = ''): string =>
    `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":7}${rest}}`;
  const refusals: [what: string, body: string, id: string][] = [
    ['a call of a wrong shape', call('41'), '41'],
    ['an id as it is written', call('30.00000000000000000001'), '30.00000000000000000001'],
    ['a text', call('"a b"'), '"a b"'],
    ['a duplicate key', call('"x"', ',"params":{}'), '"x"'],
    ['a name in disguise', '{"jsonrpc":"2.0","id":5,"method":"Tools/Call"}', '5'],
    ['an id that is too long', call(`"${'x'.repeat(12 * 1024)}"`), 'null'],
    ['no JSON', '{', 'null'],
    ['a batch', `[${call('1')}]`, 'null'],
    ['a response', '{"jsonrpc":"2.0","id":6,"result":{"a":1,"a":2}}', 'null'],
  ];
  for (const [what, body, id] of refusals) {
    test(`a refusal carries the id that is known: ${what}`, async () => {
      const response = await post(body);
      const text = await response.text();
      assert.equal(response.status, 400);
      assert.ok(text.startsWith(`{"jsonrpc":"2.0","id":${id},"error":`), text);
      const python = await post(body, { 'user-agent': 'python-httpx/0.28.1' });
      // Version 1 of the Python SDK reads no other answer, and by 404 it ends the request that it sent.
      assert.equal(python.status, id === 'null' ? 404 : 200);
      assert.equal(await python.text(), text);
    });
  }

  test('an id of 12 KiB is told its length and the most, and a number of that length no way that is none', async () => {
    const long = await (await post(call(`"${'x'.repeat(12 * 1024)}"`))).text();
    assert.match(long, /id has 12288 characters; at most 256 are accepted/);
    const digits = await (await post(call('1'.repeat(12 * 1024)))).text();
    assert.match(digits, /more than 1024 characters; send a shorter one, or a string where it is no id/);
  });

  const PYTHON = { 'user-agent': 'python-httpx/0.28.1' };
  const CALL = '{"jsonrpc":"2.0","id":"q7","method":"tools/call","params":{"name":"a","arguments":{}}}';
  const early: [what: string, status: number, headers: Record<string, string>, server?: string][] = [
    ['a wrong token', 401, { authorization: 'Bearer nobody' }],
    ['no token', 401, { authorization: '' }],
    ['another Host', 403, { origin: 'https://evil.example' }],
    ['a server that is not there', 404, {}, 'nowhere'],
    ['a server that it is not bound to', 403, {}, 'private'],
    ['another content type', 415, { 'content-type': 'text/plain' }],
    ['another charset', 415, { 'content-type': 'application/json; charset=latin1' }],
    ['a packed body', 415, { 'content-encoding': 'gzip' }],
  ];
  for (const [what, status, headers, server = 'tools'] of early) {
    test(`${what} is refused before the body is judged, with the id`, async () => {
      const before = got.length;
      const refused = await post(CALL, headers, door.url(server));
      assert.equal(refused.status, status);
      const text = await refused.text();
      assert.equal(JSON.parse(text).id, 'q7');
      assert.equal(refused.headers.get('cache-control'), 'no-store');
      const python = await post(CALL, { ...headers, ...PYTHON }, door.url(server));
      assert.deepEqual([python.status, await python.text()], [status === 404 ? 404 : 200, text]);
      assert.equal(got.length, before, 'nothing was passed on');
    });
  }

  test('a body that is too long is refused without an id, and ends the call of the Python SDK all the same', async () => {
    const long = CALL.replace('{}', `{"x":"${'y'.repeat(70 * 1024)}"}`);
    const refused = await post(long);
    assert.deepEqual([refused.status, ((await refused.json()) as { id: unknown }).id], [413, null]);
    assert.equal((await post(long, PYTHON)).status, 404);
  });

  test('P6: who may not come in keeps nobody waiting, and has nothing read but a short body', async () => {
    const long = CALL.replace('{}', `{"x":"${'y'.repeat(20 * 1024)}"}`);
    const refused = await post(long, { authorization: 'Bearer nobody' });
    assert.deepEqual([refused.status, ((await refused.json()) as { id: unknown }).id], [401, null]);
    // Half of a short body, and then silence.
    const asked = request(door.url('tools'), { method: 'POST', headers: { 'content-length': 100 } });
    asked.on('error', () => undefined).write('{"jsonrpc":"2.0","id":5,');
    const since = performance.now();
    const status = await new Promise((resolve) => asked.once('response', (found) => resolve(found.statusCode)));
    assert.equal(status, 401);
    assert.ok(performance.now() - since < 3_000);
    asked.destroy();
  });

  test('a failure of the server carries the id for Python, too', async () => {
    answer = () => ({ kind: 'not_sent', why: 'ECONNREFUSED' });
    const body = '{"jsonrpc":"2.0","id":9,"method":"ping"}';
    assert.equal((await post(body)).status, 502);
    const python = await post(body, { 'user-agent': 'python-httpx/0.28.1' });
    assert.deepEqual([python.status, ((await python.json()) as { id: number }).id], [200, 9]);
  });

  test('what the server itself refuses keeps its status for Python', async () => {
    answer = () => ({ ...(json('{"jsonrpc":"2.0","id":9,"error":{}}') as object), status: 400 }) as ExchangeAnswer;
    const body = '{"jsonrpc":"2.0","id":9,"method":"ping"}';
    assert.equal((await post(body, { 'user-agent': 'python-httpx/0.28.1' })).status, 400);
  });

  test('a slash at the end of the address changes nothing', async () => {
    answer = () => json('{"jsonrpc":"2.0","id":1,"result":{}}');
    const url = `${door.url('tools')}/`;
    assert.equal((await post('{"jsonrpc":"2.0","id":1,"method":"ping"}', {}, url)).status, 200);
    const metadata = await fetch(`${door.origin}/.well-known/oauth-protected-resource/mcp/tools/`);
    assert.equal(((await metadata.json()) as { resource: string }).resource, door.url('tools'));
    for (const path of ['/mcp', '/mcp/', '/mcp/tools/more']) {
      const lost = await post('{}', {}, `${door.origin}${path}`);
      assert.equal(lost.status, 404);
      assert.match(await lost.text(), /An MCP server behind this gateway has the address/);
    }
  });

  test('a session that is first handed out with a later answer can be used', async () => {
    answer = () => json('{"jsonrpc":"2.0","id":1,"result":{}}');
    assert.equal((await post(INIT)).headers.get('mcp-session-id'), null);
    answer = () => json('{"jsonrpc":"2.0","id":2,"result":{"tools":[]}}', [['mcp-session-id', 'late']]);
    const list = '{"jsonrpc":"2.0","id":2,"method":"tools/list"}';
    assert.equal((await post(list)).headers.get('mcp-session-id'), 'late');
    assert.equal((await post(list, { 'mcp-session-id': 'late' })).status, 200);
    const other = await post(list, { 'mcp-session-id': 'late', authorization: 'Bearer bob' });
    assert.equal(other.status, 404, 'it belongs to the grant that it was handed to');
    assert.equal((await post(list, { authorization: 'Bearer bob' })).status, 502, 'and is not handed to another');
  });

  test('initialize with a session that is over, or another grant’s, begins a new one; anything else is told 404', async () => {
    answer = () => json('{"jsonrpc":"2.0","id":1,"result":{}}', [['mcp-session-id', 'fresh']]);
    assert.equal((await post(INIT)).headers.get('mcp-session-id'), 'fresh');
    const named: (string | undefined)[] = [];
    answer = ({ headers }) => {
      named.push(headers['mcp-session-id']);
      return json('{"jsonrpc":"2.0","id":1,"result":{}}', [['mcp-session-id', `after-${named.length}`]]);
    };
    for (const session of ['never-was', 'fresh']) {
      const who = { 'mcp-session-id': session, authorization: 'Bearer bob' };
      const begun = await post(INIT, who);
      assert.deepEqual([begun.status, begun.headers.get('mcp-session-id')], [200, `after-${named.length}`]);
      assert.equal((await post('{"jsonrpc":"2.0","id":2,"method":"tools/list"}', who)).status, 404);
    }
    assert.deepEqual(named, [undefined, undefined], 'the server gets no session that is not the agent’s');
  });

  describe('a wrong token', () => {
    const wrong = { requestInit: { headers: { authorization: 'Bearer wrong' } } };
    const connect = (options: object) =>
      new Client({ name: 'c', version: '1' }).connect(
        new StreamableHTTPClientTransport(new URL(door.url('tools')), options) as never,
      );

    test('is told so in the header and the body, with what to do', async () => {
      const response = await post(INIT, { authorization: 'Bearer wrong' });
      assert.equal(response.status, 401);
      const challenge = response.headers.get('www-authenticate') ?? '';
      assert.match(challenge, /error="invalid_token", error_description="No grant has this token[^"]*grant new[^"]*"/);
      assert.match(await response.text(), /No grant has this token, or it has expired/);
    });

    test('is what the SDK shows', async () => {
      await assert.rejects(connect(wrong), /No grant has this token, or it has expired.*holdfast grant new/);
    });

    /** In this process the server has put a class of its own in the place of `Response`, which the SDK asks about. */
    const sameClass = async (url: string | URL, init?: RequestInit): Promise<Response> => {
      const response = await fetch(url, init);
      return new Response(await response.arrayBuffer(), { status: response.status, headers: [...response.headers] });
    };

    test('is what an OAuth-minded SDK shows', async () => {
      const provider: OAuthClientProvider = {
        redirectUrl: 'http://localhost/back',
        clientMetadata: { redirect_uris: ['http://localhost/back'], client_name: 'c' },
        clientInformation: () => undefined,
        saveClientInformation: () => undefined,
        tokens: () => undefined,
        saveTokens: () => undefined,
        redirectToAuthorization: () => undefined,
        saveCodeVerifier: () => undefined,
        codeVerifier: () => 'v',
      };
      await assert.rejects(
        connect({ authProvider: provider, fetch: sameClass }),
        /This gateway has no OAuth login.*holdfast grant new/,
      );
      await assert.rejects(
        auth(provider, { serverUrl: door.url('tools'), fetchFn: sameClass }),
        /This gateway has no OAuth login/,
      );
    });
  });
});
