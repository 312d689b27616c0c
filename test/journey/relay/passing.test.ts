import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ToolCallRequest } from '../../../src/mcp/door/call-door.ts';
import { open, readUntil, wire } from '../../support/agent/wire.ts';
import { AS_ALICE, CALL, JSON_POST, json, PING, type RelayWorld, relayWorld } from '../../support/relay/world.ts';
import type { Script } from '../../support/upstream/recording.ts';

describe('The relay', () => {
  let relay: RelayWorld;
  before(async () => {
    relay = await relayWorld();
  });
  after(() => relay.close());
  beforeEach(() => relay.reset());

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
        await relay.post(body);
        assert.equal(relay.last().body.toString(), body);
        assert.equal(relay.last().path, '/mcp?tenant=1');
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
        relay.upstream.script = script;
        const direct = await wire({ url: relay.upstream.url, headers: JSON_POST, body: PING });
        const relayed = await relay.post(PING);
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
    relay.upstream.script = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      send = (text) => void response.write(text);
    };
    const { incoming, hangUp } = await open({ url: relay.door.url('echo'), headers: AS_ALICE, body: PING });
    for (const event of ['data: 1\n\n', ': still here\n\n', 'data: 2\n\n']) {
      send(event);
      assert.equal(await readUntil(incoming, (text) => text.endsWith('\n\n')), event);
    }
    hangUp();
  });

  it('a stream that breaks off upstream breaks off here, with nothing added', async () => {
    for (const server of ['echo', 'hiding']) {
      relay.upstream.script = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n', () => response.destroy());
      };
      const { incoming } = await open({ url: relay.door.url(server), method: 'GET', headers: AS_ALICE });
      let text = '';
      await assert.rejects(async () => {
        for await (const chunk of incoming) text += String(chunk);
      }, /aborted/);
      assert.equal(text, 'data: 1\n\n');
    }
  });

  it('P8: the agent’s credential and cookies do not cross, the config’s headers do', async () => {
    await relay.post(PING, {
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
    const { host, connection, 'content-length': _length, ...headers } = relay.last().headers;
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
    assert.equal(host, `127.0.0.1:${relay.upstream.port}`);
    assert.equal(connection, 'keep-alive');
  });

  it('P8: an upstream’s cookies and challenges do not cross', async () => {
    relay.upstream.script = json('{}', 200, {
      'set-cookie': ['a=b'],
      'www-authenticate': 'Basic',
      'x-internal': '1',
      'mcp-new': 'n',
      vary: 'a',
    });
    const { headers } = await relay.post(PING);
    assert.deepEqual(
      ['set-cookie', 'www-authenticate', 'x-internal', 'mcp-new', 'vary'].map((name) => headers[name]),
      [undefined, undefined, undefined, 'n', 'a'],
    );
  });

  for (const status of [301, 302, 307, 308, 401, 403]) {
    it(`an upstream’s ${status} becomes 502, and is not followed`, async () => {
      relay.upstream.script = json('{"secret":1}', status, {
        location: `http://127.0.0.1:${relay.upstream.port}/else`,
        'www-authenticate': 'Bearer x',
      });
      const answer = await relay.post(PING);
      assert.equal(answer.status, 502);
      assert.equal(answer.headers.location, undefined);
      assert.equal(answer.headers['www-authenticate'], undefined);
      assert.deepEqual([JSON.parse(answer.text).id, answer.text.includes('secret')], [1, false]);
      assert.equal(relay.upstream.requests.length, 1);
    });
  }

  it('an upstream that cannot be reached is told apart from one that broke off', async () => {
    let undone = 0;
    relay.calls.call = async () => ({ kind: 'forward', notSent: async () => void undone++ });
    const gone = await relay.post(CALL, {}, 'gone');
    assert.match(gone.text, /cannot be reached \(ECONNREFUSED\); nothing was sent/);
    assert.equal(undone, 1);

    relay.upstream.script = (_, response) => void response.destroy();
    const lost = await relay.post(CALL);
    assert.match(lost.text, /may have taken effect/);
    assert.deepEqual([gone.status, lost.status, undone, relay.upstream.requests.length], [502, 502, 1, 1]);
  });

  describe('server streams', () => {
    it('P9: GET replays from Last-Event-ID, and the upstream learns when it ends', async () => {
      const session = await relay.initialize();
      relay.upstream.script = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('id: 8\ndata: {"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage"}\n\n');
      };
      const headers = { ...AS_ALICE, accept: 'text/event-stream', 'mcp-session-id': session, 'last-event-id': '7' };
      const { incoming, hangUp } = await open({ url: relay.door.url('echo'), method: 'GET', headers });
      assert.match(await readUntil(incoming, (text) => text.endsWith('\n\n')), /"id":"s1"/);
      assert.equal(relay.last().headers['last-event-id'], '7');

      const { closed } = relay.last();
      relay.upstream.script = (_, response) => void response.writeHead(202).end();
      const reply = await relay.post('{"jsonrpc":"2.0","id":"s1","result":{"role":"user"}}', {
        'mcp-session-id': session,
      });
      assert.deepEqual([reply.status, reply.text], [202, '']);
      hangUp();
      await closed;
    });

    it('a legacy agent that hangs up does not end its request upstream', async () => {
      let finish: () => void = () => {};
      let whole = false;
      const answered = new Promise<void>((resolve) => {
        relay.upstream.script = (_, response) => {
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
      relay.calls.call = async ({ signal }: ToolCallRequest) => {
        left = signal;
        return { kind: 'forward' };
      };
      const { incoming, hangUp } = await open({ url: relay.door.url('echo'), headers: AS_ALICE, body: CALL });
      await readUntil(incoming, (text) => text.includes('begun'));
      const noticed = new Promise((resolve) => left?.addEventListener('abort', resolve));
      hangUp();
      await noticed;
      // A further round trip: by its answer, whatever the hang-up causes upstream has happened.
      relay.upstream.script = json('{}');
      await relay.post(PING);
      finish();
      await answered;
      assert.equal(whole, true);
    });

    it('a modern agent that hangs up has cancelled its request', async () => {
      relay.upstream.script = (_, response) =>
        void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': begun\n\n');
      const body =
        '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}';
      const { incoming, hangUp } = await open({ url: relay.door.url('echo'), headers: AS_ALICE, body });
      await readUntil(incoming, (text) => text.includes('begun'));
      hangUp();
      await relay.last().closed;
    });
  });
});
