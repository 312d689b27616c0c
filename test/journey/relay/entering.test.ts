import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Unavailable } from '../../../src/ports.ts';
import { wire } from '../../support/agent/wire.ts';
import {
  AS_ALICE,
  AS_BOB,
  CALL,
  INITIALIZE,
  json,
  PING,
  type RelayWorld,
  relayWorld,
} from '../../support/relay/world.ts';

describe('The relay', () => {
  let relay: RelayWorld;
  before(async () => {
    relay = await relayWorld();
  });
  after(() => relay.close());
  beforeEach(() => relay.reset());

  describe('who comes in', () => {
    it('nobody without a token, and the 401 says where to read on', async () => {
      const { authorization: _, ...anonymous } = AS_ALICE;
      for (const headers of [
        anonymous,
        { ...AS_ALICE, authorization: 'Bearer mallory' },
        { ...AS_ALICE, authorization: 'Basic alice' },
      ]) {
        const answer = await wire({ url: relay.door.url('echo'), headers, body: PING });
        assert.equal(answer.status, 401);
        const metadata = /resource_metadata="([^"]+)"/.exec(answer.headers['www-authenticate'] ?? '')?.[1] ?? '';
        const { text } = await wire({ url: metadata, method: 'GET' });
        assert.equal(JSON.parse(text).resource, relay.door.url('echo'));
      }
      assert.equal(relay.upstream.requests.length, 0);
    });

    it('not to a server of others, nor to one that is not there', async () => {
      assert.equal((await relay.post(PING, {}, 'private')).status, 403);
      assert.equal((await relay.post(PING, {}, 'nowhere')).status, 404);
      assert.equal(relay.upstream.requests.length, 0);
    });

    it('not by a foreign Host or Origin', async () => {
      assert.equal((await relay.post(PING, { host: 'evil.example' })).status, 403);
      assert.equal((await relay.post(PING, { origin: 'https://evil.example' })).status, 403);
      assert.equal((await relay.post(PING, { origin: 'null' })).status, 403);
      assert.equal((await relay.post(PING, { origin: relay.door.origin })).status, 200);
    });
  });

  describe('bodies over the limit', () => {
    const big = 'x'.repeat(65 * 1024);
    it('are refused before they are read', async () => {
      const answer = await relay.post(`{"jsonrpc":"2.0","id":1,"method":"ping","x":"${big}"}`);
      assert.equal(answer.status, 413);
      assert.match(answer.text, /longer than 65536 bytes \(HOLDFAST_MAX_BODY\)/);
    });
    it('are refused without a length, as soon as they are over it', async () => {
      const pieces = Array.from({ length: 8 }, () => 'x'.repeat(16 * 1024));
      const answer = await wire({
        url: relay.door.url('echo'),
        headers: { ...AS_ALICE, 'transfer-encoding': 'chunked' },
        body: pieces,
      });
      assert.equal(answer.status, 413);
      assert.equal(relay.upstream.requests.length, 0);
    });
    it('under it, in chunks, they pass', async () => {
      const answer = await wire({
        url: relay.door.url('echo'),
        headers: AS_ALICE,
        body: [PING.slice(0, 9), PING.slice(9)],
      });
      assert.equal(answer.status, 200);
      assert.equal(relay.last().body.toString(), PING);
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
        const answer = await relay.post(body, headers);
        assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [status, code]);
        assert.equal(relay.upstream.requests.length, 0);
      });
    }
    it('headers that agree go through', async () => {
      const region = { 'mcp-param-region': '=?base64?4piD?=', 'mcp-param-n': '42.0', 'mcp-param-on': 'true' };
      const body = CALL.replace('{}', '{"region":"☃","in":{"n":42},"on":true}');
      const answer = await relay.post(body, {
        'mcp-method': 'tools/call',
        'mcp-name': '=?base64?ZWNobw==?=',
        ...region,
      });
      assert.equal(answer.status, 200);
      assert.equal(relay.last().headers['mcp-param-n'], '42.0');
    });
  });

  describe('sessions', () => {
    it('one grant’s session is not found by another grant, on any method', async () => {
      const session = await relay.initialize();
      const mine = { ...AS_ALICE, 'mcp-session-id': session };
      const theirs = { ...AS_BOB, 'mcp-session-id': session };
      assert.equal((await wire({ url: relay.door.url('echo'), headers: mine, body: PING })).status, 200);
      relay.upstream.requests.length = 0;
      for (const method of ['POST', 'GET', 'DELETE']) {
        const answer = await wire({
          url: relay.door.url('echo'),
          method,
          headers: theirs,
          body: method === 'POST' ? PING : '',
        });
        assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [404, -32001], method);
      }
      const elsewhere = await wire({ url: relay.door.url('hiding'), headers: mine, body: PING });
      assert.equal(elsewhere.status, 404);
      assert.equal((await relay.post(PING, { 'mcp-session-id': 'made-up' })).status, 404);
      assert.equal(relay.upstream.requests.length, 0);
    });

    it('a session that an upstream hands out twice stays with the first grant', async () => {
      relay.upstream.script = json('{"jsonrpc":"2.0","id":0,"result":{}}', 200, {
        'mcp-session-id': 'always-the-same',
      });
      const first = await wire({ url: relay.door.url('echo'), headers: AS_ALICE, body: INITIALIZE });
      const second = await wire({ url: relay.door.url('echo'), headers: AS_BOB, body: INITIALIZE });
      assert.deepEqual([first.status, second.status, second.headers['mcp-session-id']], [200, 502, undefined]);
    });

    it('P6: no session leaves that the store could not bind', async () => {
      relay.store.bindSession = async () => {
        throw new Unavailable('store', 'down');
      };
      relay.upstream.script = json('{"jsonrpc":"2.0","id":0,"result":{}}', 200, { 'mcp-session-id': 'unbound' });
      const answer = await relay.post(INITIALIZE);
      assert.equal(answer.status, 503);
      assert.match(answer.text, /store cannot answer/);
      assert.equal(answer.headers['mcp-session-id'], undefined);
    });

    it('DELETE is forwarded, ends the session here too, and withdraws its calls', async () => {
      const ended: string[] = [];
      relay.calls.sessionEnded = async (server) => void ended.push(server);
      const session = await relay.initialize();
      relay.upstream.script = (_, response) => void response.writeHead(200).end();
      const headers = { ...AS_ALICE, 'mcp-session-id': session };
      const answer = await wire({ url: relay.door.url('echo'), method: 'DELETE', headers });
      assert.deepEqual(
        [answer.status, relay.last().method, relay.last().headers['mcp-session-id']],
        [200, 'DELETE', session],
      );
      assert.deepEqual(ended, ['echo']);
      assert.equal((await wire({ url: relay.door.url('echo'), headers, body: PING })).status, 404);
    });

    it('a modern request has none, whatever its header says', async () => {
      const claim = '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}';
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":${claim}}}`;
      const answer = await relay.post(body, { 'mcp-session-id': 'stale', 'mcp-protocol-version': '2026-07-28' });
      assert.equal(answer.status, 200);
      assert.equal(relay.last().headers['mcp-session-id'], undefined);
      const mixed = await relay.post(body, { 'mcp-protocol-version': '2025-06-18' });
      assert.equal(JSON.parse(mixed.text).error.code, -32020);
    });
  });
});
