import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { ToolCallRequest } from '../../../src/mcp/door/call-door.ts';
import { httpUpstream } from '../../../src/mcp/upstream/http.ts';
import { Unavailable } from '../../../src/ports.ts';
import { open, readUntil, wire } from '../../support/agent/wire.ts';
import { memoryBindings, OPEN_CALLS, type ServedDoor, servedDoor } from '../../support/relay/served-door.ts';
import { type RecordingUpstream, recordingUpstream, type Script } from '../../support/upstream/recording.ts';
import { type SdkUpstream, sdkUpstream } from '../../support/upstream/sdk.ts';

const JSON_POST = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const AS_ALICE = { ...JSON_POST, authorization: 'Bearer alice' };
const AS_BOB = { ...JSON_POST, authorization: 'Bearer bob' };
const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const INITIALIZE = '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}';
const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}';

const json = (text: string, status = 200, headers: Record<string, string | string[]> = {}): Script => {
  return (_, response) => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
};

/** A port nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('The relay', () => {
  let upstream: RecordingUpstream;
  let door: ServedDoor;
  const calls = { ...OPEN_CALLS };
  const store = { ...memoryBindings() };

  before(async () => {
    upstream = await recordingUpstream();
    const entry = {
      upstream: httpUpstream({ url: upstream.url }),
      headers: { Authorization: 'Bearer upstream-secret', 'X-Tenant': 'seven' },
      hidden: () => false,
      hides: false,
    };
    const gone = httpUpstream({ url: `http://127.0.0.1:${await closedPort()}/mcp` });
    const hidden = (tool: string) => tool.startsWith('delete_');
    const hiding = { ...entry, name: 'hiding', upstream: httpUpstream({ url: upstream.url }), hidden, hides: true };
    const servers = [
      { ...entry, name: 'echo' },
      { ...entry, name: 'private' },
      hiding,
      { ...entry, name: 'gone', upstream: gone },
    ];
    door = await servedDoor(servers, { calls, store });
  });
  after(async () => {
    await door[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    upstream.requests.length = 0;
    upstream.script = json('{"jsonrpc":"2.0","id":1,"result":{}}');
    Object.assign(calls, OPEN_CALLS);
    Object.assign(store, memoryBindings());
  });

  const post = (body: string, headers: Record<string, string> = {}, server = 'echo') =>
    wire({ url: door.url(server), headers: { ...AS_ALICE, ...headers }, body });
  const last = () => upstream.requests.at(-1)!;

  async function initialize(as: Record<string, string> = AS_ALICE): Promise<string> {
    const script = upstream.script;
    const session = randomUUID();
    upstream.script = json('{"jsonrpc":"2.0","id":0,"result":{}}', 200, { 'mcp-session-id': session });
    const answer = await wire({ url: door.url('echo'), headers: as, body: INITIALIZE });
    assert.equal(answer.headers['mcp-session-id'], session);
    upstream.script = script;
    return session;
  }

  describe('P9: request bytes arrive as they were sent', () => {
    const bodies = [
      ' \r\n{ "jsonrpc" : "2.0",\t"id":1 , "method":"ping" } \n',
      '{"method":"ping","id":12345678901234567890,"jsonrpc":"2.0","future":{"deep":[1e400,0.10,-0]}}',
      '{"jsonrpc":"2.0","id":"\\u0061","method":"x/unknown","params":{"naïve":"\\ud83d\\ude00 ☃"}}',
      '{"jsonrpc":"2.0","id":"s-1","result":{"role":"assistant","content":[]}}',
      '[{"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","method":"notifications/initialized"}]',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"n":9007199254740993},"x":1}}',
    ];
    for (const body of bodies) {
      it(body.slice(0, 60), async () => {
        await post(body);
        assert.equal(last().body.toString(), body);
        assert.equal(last().path, '/mcp?tenant=1');
      });
    }
  });

  describe('P9: answers arrive as the upstream sent them', () => {
    const answers: readonly (readonly [what: string, script: Script])[] = [
      [
        'JSON with odd blanks and big integers',
        json(' {"jsonrpc":"2.0", "id":1,"result":{"n":12345678901234567890,"x-new":1.0}}\n'),
      ],
      [
        'JSON in chunks',
        (_, r) => {
          r.writeHead(200, { 'content-type': 'application/json' });
          r.write('{"jsonrpc":"2.0",');
          setImmediate(() => r.end('"id":1,"result":{}}'));
        },
      ],
      ['a megabyte of JSON', json(`{"jsonrpc":"2.0","id":1,"result":{"text":"${'ab☃'.repeat(250_000)}"}}`)],
      ['a 202 without a body', (_, r) => void r.writeHead(202).end()],
      ['a 204', (_, r) => void r.writeHead(204).end()],
      [
        'a 400 whose body is a modern error',
        json(
          '{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}}',
          400,
        ),
      ],
      [
        'a 404 in plain text',
        (_, r) => void r.writeHead(404, { 'content-type': 'text/plain' }).end('Session terminated'),
      ],
      ['a 405 with its Allow', (_, r) => void r.writeHead(405, { allow: 'POST' }).end()],
      ['a 429 with its Retry-After', json('{"error":"slow down"}', 429, { 'retry-after': '7' })],
      ['a 500', (_, r) => void r.writeHead(500).end('oh')],
      [
        'an event stream with ids, retry and comments',
        (_, r) => {
          r.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
          r.write('id: a_1\ndata: \n\nretry: 5\r\n\r\n: comment\n\n');
          setImmediate(() => r.end('event: message\nid: a_2\ndata: {"jsonrpc":"2.0",\ndata: "id":1,"result":{}}\n\n'));
        },
      ],
    ];
    for (const [what, script] of answers) {
      it(what, async () => {
        upstream.script = script;
        const direct = await wire({ url: upstream.url, headers: JSON_POST, body: PING });
        const relayed = await post(PING);
        assert.equal(relayed.text, direct.text);
        assert.equal(relayed.status, direct.status);
        for (const name of ['content-type', 'cache-control', 'allow', 'retry-after']) {
          assert.equal(relayed.headers[name], direct.headers[name], name);
        }
      });
    }
  });

  it('P9: events of a stream arrive one by one, while it is open', async () => {
    let send: (text: string) => void = () => assert.fail('not asked yet');
    upstream.script = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      send = (text) => void response.write(text);
    };
    const { incoming, hangUp } = await open({ url: door.url('echo'), headers: AS_ALICE, body: PING });
    for (const event of ['data: 1\n\n', ': still here\n\n', 'data: 2\n\n']) {
      send(event);
      assert.equal(await readUntil(incoming, (text) => text.endsWith('\n\n')), event);
    }
    hangUp();
  });

  it('a stream that breaks off upstream breaks off here, with nothing added', async () => {
    for (const server of ['echo', 'hiding']) {
      upstream.script = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n', () => response.destroy());
      };
      const { incoming } = await open({ url: door.url(server), method: 'GET', headers: AS_ALICE });
      let text = '';
      await assert.rejects(async () => {
        for await (const chunk of incoming) text += String(chunk);
      }, /aborted/);
      assert.equal(text, 'data: 1\n\n');
    }
  });

  it('P8: the agent’s credential and cookies do not cross, the config’s headers do', async () => {
    await post(PING, {
      cookie: 'a=b',
      'x-other': '1',
      'x-tenant': 'mine',
      'accept-encoding': 'gzip',
      'mcp-future': 'f',
      traceparent: '00-1',
      tracestate: 't',
      'user-agent': 'agent/1',
      forwarded: 'for=1',
    });
    const { host, connection, 'content-length': _length, ...headers } = last().headers;
    assert.deepEqual(headers, {
      accept: JSON_POST.accept,
      'accept-encoding': 'identity',
      authorization: 'Bearer upstream-secret',
      'content-type': 'application/json',
      'mcp-future': 'f',
      traceparent: '00-1',
      tracestate: 't',
      'user-agent': 'agent/1',
      'x-tenant': 'seven',
    });
    assert.equal(host, `127.0.0.1:${upstream.port}`);
    assert.equal(connection, 'keep-alive');
  });

  it('P8: an upstream’s cookies and challenges do not cross', async () => {
    upstream.script = json('{}', 200, {
      'set-cookie': ['a=b'],
      'www-authenticate': 'Basic',
      'x-internal': '1',
      'mcp-new': 'n',
      vary: 'a',
    });
    const { headers } = await post(PING);
    assert.deepEqual(
      ['set-cookie', 'www-authenticate', 'x-internal', 'mcp-new', 'vary'].map((name) => headers[name]),
      [undefined, undefined, undefined, 'n', 'a'],
    );
  });

  for (const status of [301, 302, 307, 308, 401, 403]) {
    it(`an upstream’s ${status} becomes 502, and is not followed`, async () => {
      upstream.script = json('{"secret":1}', status, {
        location: `http://127.0.0.1:${upstream.port}/else`,
        'www-authenticate': 'Bearer x',
      });
      const answer = await post(PING);
      assert.equal(answer.status, 502);
      assert.equal(answer.headers.location, undefined);
      assert.equal(answer.headers['www-authenticate'], undefined);
      assert.deepEqual([JSON.parse(answer.text).id, answer.text.includes('secret')], [1, false]);
      assert.equal(upstream.requests.length, 1);
    });
  }

  it('an upstream that cannot be reached is told apart from one that broke off', async () => {
    let undone = 0;
    calls.call = async () => ({ kind: 'forward', notSent: async () => void undone++ });
    const gone = await post(CALL, {}, 'gone');
    assert.match(gone.text, /cannot be reached \(ECONNREFUSED\); nothing was sent/);
    assert.equal(undone, 1);

    upstream.script = (_, response) => void response.destroy();
    const lost = await post(CALL);
    assert.match(lost.text, /may have taken effect/);
    assert.deepEqual([gone.status, lost.status, undone, upstream.requests.length], [502, 502, 1, 1]);
  });

  describe('who comes in', () => {
    it('nobody without a token, and the 401 says where to read on', async () => {
      const { authorization: _, ...anonymous } = AS_ALICE;
      for (const headers of [
        anonymous,
        { ...AS_ALICE, authorization: 'Bearer mallory' },
        { ...AS_ALICE, authorization: 'Basic alice' },
      ]) {
        const answer = await wire({ url: door.url('echo'), headers, body: PING });
        assert.equal(answer.status, 401);
        const metadata = /resource_metadata="([^"]+)"/.exec(answer.headers['www-authenticate'] ?? '')?.[1] ?? '';
        const { text } = await wire({ url: metadata, method: 'GET' });
        assert.equal(JSON.parse(text).resource, door.url('echo'));
      }
      assert.equal(upstream.requests.length, 0);
    });

    it('not to a server of others, nor to one that is not there', async () => {
      assert.equal((await post(PING, {}, 'private')).status, 403);
      assert.equal((await post(PING, {}, 'nowhere')).status, 404);
      assert.equal(upstream.requests.length, 0);
    });

    it('not by a foreign Host or Origin', async () => {
      assert.equal((await post(PING, { host: 'evil.example' })).status, 403);
      assert.equal((await post(PING, { origin: 'https://evil.example' })).status, 403);
      assert.equal((await post(PING, { origin: 'null' })).status, 403);
      assert.equal((await post(PING, { origin: door.origin })).status, 200);
    });
  });

  describe('bodies over the limit', () => {
    const big = 'x'.repeat(65 * 1024);
    it('are refused before they are read', async () => {
      const answer = await post(`{"jsonrpc":"2.0","id":1,"method":"ping","x":"${big}"}`);
      assert.equal(answer.status, 413);
      assert.match(answer.text, /longer than 65536 bytes \(HOLDFAST_MAX_BODY\)/);
    });
    it('are refused without a length, as soon as they are over it', async () => {
      const pieces = Array.from({ length: 8 }, () => 'x'.repeat(16 * 1024));
      const answer = await wire({
        url: door.url('echo'),
        headers: { ...AS_ALICE, 'transfer-encoding': 'chunked' },
        body: pieces,
      });
      assert.equal(answer.status, 413);
      assert.equal(upstream.requests.length, 0);
    });
    it('under it, in chunks, they pass', async () => {
      const answer = await wire({ url: door.url('echo'), headers: AS_ALICE, body: [PING.slice(0, 9), PING.slice(9)] });
      assert.equal(answer.status, 200);
      assert.equal(last().body.toString(), PING);
    });
  });

  describe('P9: what another reader could read differently is not forwarded', () => {
    const refused: readonly (readonly [
      status: number,
      code: number,
      body: string,
      headers?: Record<string, string>,
    ])[] = [
      [415, -32600, PING, { 'content-type': 'text/plain' }],
      [415, -32600, PING, { 'content-encoding': 'gzip' }],
      [400, -32700, '{"method":'],
      [400, -32600, '{"method":"ping","method":"tools/call"}'],
      [400, -32600, `[${CALL}]`],
      [400, -32602, '{"id":1,"method":"tools/call","params":{"name":7}}'],
      [400, -32020, PING, { 'mcp-method': 'tools/list' }],
      [400, -32020, `[${PING}]`, { 'mcp-method': 'ping' }],
      [400, -32020, CALL, { 'mcp-name': 'other' }],
      [400, -32020, CALL, { 'mcp-name': '=?base64?b3RoZXI=?=' }],
      [400, -32020, CALL, { 'mcp-name': '=?base64?_?=' }],
      [400, -32020, CALL, { 'mcp-param-region': 'eu' }],
      [400, -32020, CALL.replace('{}', '{"region":"us","other":"eu"}'), { 'mcp-param-region': 'eu' }],
      [400, -32020, CALL.replace('{}', '{"n":42}'), { 'mcp-param-n': '43' }],
    ];
    for (const [status, code, body, headers] of refused) {
      it(`${status} ${code} for ${body} with ${JSON.stringify(headers ?? {})}`, async () => {
        const answer = await post(body, headers);
        assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [status, code]);
        assert.equal(upstream.requests.length, 0);
      });
    }
    it('headers that agree go through', async () => {
      const region = { 'mcp-param-region': '=?base64?4piD?=', 'mcp-param-n': '42.0', 'mcp-param-on': 'true' };
      const body = CALL.replace('{}', '{"region":"☃","in":{"n":42},"on":true}');
      const answer = await post(body, { 'mcp-method': 'tools/call', 'mcp-name': '=?base64?ZWNobw==?=', ...region });
      assert.equal(answer.status, 200);
      assert.equal(last().headers['mcp-param-n'], '42.0');
    });
  });

  describe('sessions', () => {
    it('one grant’s session is not found by another grant, on any method', async () => {
      const session = await initialize();
      const mine = { ...AS_ALICE, 'mcp-session-id': session };
      const theirs = { ...AS_BOB, 'mcp-session-id': session };
      assert.equal((await wire({ url: door.url('echo'), headers: mine, body: PING })).status, 200);
      upstream.requests.length = 0;
      for (const method of ['POST', 'GET', 'DELETE']) {
        const answer = await wire({
          url: door.url('echo'),
          method,
          headers: theirs,
          body: method === 'POST' ? PING : '',
        });
        assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [404, -32001], method);
      }
      const elsewhere = await wire({ url: door.url('hiding'), headers: mine, body: PING });
      assert.equal(elsewhere.status, 404);
      assert.equal((await post(PING, { 'mcp-session-id': 'made-up' })).status, 404);
      assert.equal(upstream.requests.length, 0);
    });

    it('a session that an upstream hands out twice stays with the first grant', async () => {
      upstream.script = json('{"jsonrpc":"2.0","id":0,"result":{}}', 200, { 'mcp-session-id': 'always-the-same' });
      const first = await wire({ url: door.url('echo'), headers: AS_ALICE, body: INITIALIZE });
      const second = await wire({ url: door.url('echo'), headers: AS_BOB, body: INITIALIZE });
      assert.deepEqual([first.status, second.status, second.headers['mcp-session-id']], [200, 502, undefined]);
    });

    it('P6: no session leaves that the store could not bind', async () => {
      store.bindSession = async () => {
        throw new Unavailable('store', 'down');
      };
      upstream.script = json('{"jsonrpc":"2.0","id":0,"result":{}}', 200, { 'mcp-session-id': 'unbound' });
      const answer = await post(INITIALIZE);
      assert.equal(answer.status, 503);
      assert.match(answer.text, /store cannot answer/);
      assert.equal(answer.headers['mcp-session-id'], undefined);
    });

    it('DELETE is forwarded, ends the session here too, and withdraws its calls', async () => {
      const ended: string[] = [];
      calls.sessionEnded = async (server) => void ended.push(server);
      const session = await initialize();
      upstream.script = (_, response) => void response.writeHead(200).end();
      const headers = { ...AS_ALICE, 'mcp-session-id': session };
      const answer = await wire({ url: door.url('echo'), method: 'DELETE', headers });
      assert.deepEqual([answer.status, last().method, last().headers['mcp-session-id']], [200, 'DELETE', session]);
      assert.deepEqual(ended, ['echo']);
      assert.equal((await wire({ url: door.url('echo'), headers, body: PING })).status, 404);
    });

    it('a modern request has none, whatever its header says', async () => {
      const claim = '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}';
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":${claim}}}`;
      const answer = await post(body, { 'mcp-session-id': 'stale', 'mcp-protocol-version': '2026-07-28' });
      assert.equal(answer.status, 200);
      assert.equal(last().headers['mcp-session-id'], undefined);
      const mixed = await post(body, { 'mcp-protocol-version': '2025-06-18' });
      assert.equal(JSON.parse(mixed.text).error.code, -32020);
    });
  });

  describe('server streams', () => {
    it('P9: GET replays from Last-Event-ID, and its end is the upstream’s to know', async () => {
      const session = await initialize();
      upstream.script = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('id: 8\ndata: {"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage"}\n\n');
      };
      const headers = { ...AS_ALICE, accept: 'text/event-stream', 'mcp-session-id': session, 'last-event-id': '7' };
      const { incoming, hangUp } = await open({ url: door.url('echo'), method: 'GET', headers });
      assert.match(await readUntil(incoming, (text) => text.endsWith('\n\n')), /"id":"s1"/);
      assert.equal(last().headers['last-event-id'], '7');

      const { closed } = last();
      upstream.script = (_, response) => void response.writeHead(202).end();
      const reply = await post('{"jsonrpc":"2.0","id":"s1","result":{"role":"user"}}', { 'mcp-session-id': session });
      assert.deepEqual([reply.status, reply.text], [202, '']);
      hangUp();
      await closed;
    });

    it('a legacy agent that hangs up does not end its request upstream', async () => {
      let finish: () => void = () => {};
      let whole = false;
      const answered = new Promise<void>((resolve) => {
        upstream.script = (_, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write(': begun\n\n');
          finish = () => response.end(`data: ${'x'.repeat(300_000)}\n\n`);
          response.once('close', () => {
            whole = response.writableFinished;
            resolve();
          });
        };
      });
      let left: AbortSignal | null = null;
      calls.call = async ({ signal }: ToolCallRequest) => {
        left = signal;
        return { kind: 'forward' };
      };
      const { incoming, hangUp } = await open({ url: door.url('echo'), headers: AS_ALICE, body: CALL });
      await readUntil(incoming, (text) => text.includes('begun'));
      const noticed = new Promise((resolve) => left?.addEventListener('abort', resolve));
      hangUp();
      await noticed;
      // A round trip of its own: whatever the hanging up sets off upstream has happened when this is answered.
      upstream.script = json('{}');
      await post(PING);
      finish();
      await answered;
      assert.equal(whole, true);
    });

    it('a modern agent that hangs up has cancelled its request', async () => {
      upstream.script = (_, response) =>
        void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': begun\n\n');
      const body =
        '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}';
      const { incoming, hangUp } = await open({ url: door.url('echo'), headers: AS_ALICE, body });
      await readUntil(incoming, (text) => text.includes('begun'));
      hangUp();
      await last().closed;
    });
  });

  describe('tool calls', () => {
    it('are asked about with everything that counts, and answered without the upstream', async () => {
      let seen: ToolCallRequest | null = null;
      calls.call = async (request) => {
        seen = request;
        return { kind: 'respond', response: Response.json({ held: true }) };
      };
      const session = await initialize();
      upstream.requests.length = 0;
      const body =
        '{"jsonrpc":"2.0","id":1.50,"method":"tools/call","params":{"name":"echo","arguments":{"n":[1e400]}}}';
      const answer = await post(body, { 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' });
      assert.deepEqual([answer.text, upstream.requests.length], ['{"held":true}', 0]);
      assert.ok(seen);
      const {
        server,
        idText,
        requestId,
        inexact,
        bytes,
        protocolVersion,
        headers,
        principal,
        session: digest,
      } = seen as ToolCallRequest;
      assert.deepEqual(
        [server, idText, requestId, inexact, protocolVersion],
        ['echo', '1.50', 1.5, '/params/arguments/n/0', '2025-06-18'],
      );
      assert.equal(Buffer.from(bytes).toString(), body);
      assert.equal(headers.authorization, 'Bearer upstream-secret');
      assert.equal(principal.grant, 'alice');
      assert.notEqual(digest, session);
    });

    it('P6: go nowhere when the store cannot answer', async () => {
      calls.call = async () => {
        throw new Unavailable('audit', 'disk full');
      };
      const answer = await post(CALL);
      assert.equal(answer.status, 503);
      assert.match(answer.text, /audit cannot answer/);
      assert.equal(upstream.requests.length, 0);
    });

    it('a cancel of a parked one stays here, any other goes on', async () => {
      const asked: string[] = [];
      calls.cancelled = async (_principal, _server, _session, id, reason) => asked.push(`${id} ${reason}`) === 1;
      const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1.0,"reason":"why"}}';
      assert.equal((await post(cancel)).status, 202);
      assert.equal(upstream.requests.length, 0);
      await post(cancel);
      await post(`[${cancel}]`);
      assert.deepEqual([asked, upstream.requests.length], [['1.0 why', '1.0 why', '1.0 why'], 2]);
    });
  });

  describe('hidden tools', () => {
    const LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    const tools = [
      '{"name":"delete_a"}',
      ' { "name":"read", "n": 12345678901234567890 } ',
      '{"name":"del\\u0065te_b"}',
      '{"name":"write"}\n',
      '{"name":"delete_c"}',
      '{"name":"delete_d"}',
    ];
    const full = `{"jsonrpc":"2.0","id":1,"result":{"cacheScope":"public","tools":[${tools}],"x":1}}`;
    const cut =
      '{"jsonrpc":"2.0","id":1,"result":{"cacheScope":"private","tools":[{ "name":"read", "n": 12345678901234567890 } ,{"name":"write"}],"x":1}}';

    it('P9: vanish from a list, and nothing else does', async () => {
      upstream.script = json(full);
      assert.equal((await post(LIST, {}, 'hiding')).text, cut);
      assert.equal((await post(LIST)).text, full);
    });
    it('vanish when all are hidden', async () => {
      upstream.script = json('{"result":{"tools":[ {"name":"delete_a"}, {"name":"delete_b"} ]}}');
      assert.equal((await post(LIST, {}, 'hiding')).text, '{"result":{"tools":[  ]}}');
    });
    it('vanish from batches', async () => {
      upstream.script = json(`[${full}, {"jsonrpc":"2.0","id":2,"result":{}},${full}]`);
      assert.equal(
        (await post(`[${LIST}]`, {}, 'hiding')).text,
        `[${cut}, {"jsonrpc":"2.0","id":2,"result":{}},${cut}]`,
      );
    });
    it('P9: leave a list that holds none of them byte for byte', async () => {
      for (const text of [
        '{"result":{"cacheScope":"public","tools":[ {"name":"read"} ,{"name":7},3]}} ',
        '{"result":{"tools":{}}}',
        'no json',
        '',
      ]) {
        upstream.script = json(text);
        assert.equal((await post(LIST, {}, 'hiding')).text, text);
      }
    });

    const streams: readonly (readonly [what: string, sent: (text: string) => string])[] = [
      ['LF', (text) => `id: 1\ndata: \n\n: c\n\nid: 2\nevent: message\ndata: ${text}\n\nretry: 1\n\n`],
      ['CR LF', (text) => `id: 1\r\ndata: \r\n\r\nid: 2\r\ndata: ${text}\r\n\r\n`],
      ['CR', (text) => `\rid: 2\rdata: ${text}\r\rdata: {}\r\r`],
      ['a byte order mark', (text) => `\ufeffdata: ${text}\n\n`],
      ['no blank line at the end', (text) => `data: ${text}`],
    ];
    for (const [what, sent] of streams) {
      for (const [how, size] of [
        ['at once', Number.POSITIVE_INFINITY],
        ['in pieces', 7],
      ] as const) {
        it(`vanish from streams with ${what}, sent ${how}, and from their replays`, async () => {
          const plain = full.replaceAll('\n', ' ');
          const bytes = Buffer.from(sent(plain));
          upstream.script = async (_, response) => {
            response.writeHead(200, { 'content-type': 'text/event-stream' });
            for (let at = 0; at < bytes.length; at += size) {
              response.write(bytes.subarray(at, at + size));
              if (size < bytes.length) await new Promise((resolve) => setImmediate(resolve));
            }
            response.end();
          };
          const wanted = sent(cut).replace('\ufeffdata', 'data').replace('\ufeff', '');
          const listed = await post(LIST, {}, 'hiding');
          assert.equal(listed.text.replace('\ufeff', ''), wanted);
          const replayed = await wire({ url: door.url('hiding'), method: 'GET', headers: AS_ALICE });
          assert.equal(replayed.text.replace('\ufeff', ''), wanted);
          assert.equal((await post(LIST)).text, sent(plain));
        });
      }
    }
    for (const [what, eol] of [
      ['LF', '\n'],
      ['CR LF', '\r\n'],
    ] as const) {
      it(`vanish from an event whose data is on several lines that end in ${what}`, async () => {
        const lines = [
          'id: 3',
          'data: {"result":{"tools":[{"name":"delete_a"},',
          'data:{"name":"read"}',
          'data: ]}}',
          'retry: 2',
          '',
          '',
        ];
        const kept = ['id: 3', 'data: {"result":{"tools":[{"name":"read"}', 'data: ]}}', 'retry: 2', '', ''];
        upstream.script = (_, response) =>
          void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(lines.join(eol));
        assert.equal((await post(LIST, {}, 'hiding')).text, kept.join(eol));
      });
    }
    it('do not slip through an answer that cannot be read', async () => {
      upstream.script = json(full, 200, { 'content-encoding': 'br' });
      assert.equal((await post(LIST, {}, 'hiding')).status, 502);
    });
  });
});

describe('A real client and a real server, with the door between', () => {
  let server: SdkUpstream;
  let door: ServedDoor;
  before(async () => {
    server = await sdkUpstream();
    const entry = { headers: {}, upstream: httpUpstream({ url: server.url }) };
    door = await servedDoor([{ ...entry, name: 'sdk', hidden: (tool) => tool === 'drop', hides: true }]);
  });
  after(async () => {
    await door[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  async function connected(url: string, headers: Record<string, string> = {}): Promise<Client> {
    const client = new Client({ name: 'test', version: '1' }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { sure: true } }));
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
    return client;
  }

  it('P9: everything works as it does directly, and hidden tools are gone', async () => {
    const direct = await connected(server.url);
    const through = await connected(door.url('sdk'), { authorization: 'Bearer alice' });
    assert.deepEqual(through.getServerCapabilities(), direct.getServerCapabilities());
    const all = (await direct.listTools()).tools;
    assert.deepEqual(
      (await through.listTools()).tools,
      all.filter((tool) => tool.name !== 'drop'),
    );

    const call = { name: 'ask', arguments: { question: 'sure?' } };
    const progress: number[] = [];
    const options = { onprogress: (p: { progress: number }) => void progress.push(p.progress) };
    const answers = [await direct.callTool(call), await through.callTool(call, undefined, options)];
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(progress, [1, 2]);

    const { transport } = through;
    await (transport as StreamableHTTPClientTransport).terminateSession();
    await Promise.all([direct.close(), through.close()]);
    assert.equal(server.sessions(), 1);
  });
});
