import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ToolCallRequest } from '../../../src/mcp/door/call-door.ts';
import { Unavailable } from '../../../src/ports.ts';
import { wire } from '../../support/agent/wire.ts';
import { AS_ALICE, CALL, json, type RelayWorld, relayWorld } from '../../support/relay/world.ts';

describe('The relay', () => {
  let relay: RelayWorld;
  before(async () => {
    relay = await relayWorld();
  });
  after(() => relay.close());
  beforeEach(() => relay.reset());

  describe('tool calls', () => {
    it('are asked about with everything that counts, and answered without the upstream', async () => {
      let seen: ToolCallRequest | null = null;
      relay.calls.call = async (request) => {
        seen = request;
        return { kind: 'respond', response: Response.json({ held: true }) };
      };
      const session = await relay.initialize();
      relay.upstream.requests.length = 0;
      const body =
        '{"jsonrpc":"2.0","id":1.50,"method":"tools/call","params":{"name":"echo","arguments":{"n":[1e400]}}}';
      const answer = await relay.post(body, { 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' });
      assert.deepEqual([answer.text, relay.upstream.requests.length], ['{"held":true}', 0]);
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
        [server, idText, requestId, inexact.list.map(({ pointer }) => pointer), protocolVersion],
        ['echo', '1.50', 1.5, ['/params/arguments/n/0'], '2025-06-18'],
      );
      assert.equal(Buffer.from(bytes).toString(), body);
      assert.equal(headers.authorization, 'Bearer upstream-secret');
      assert.equal(principal.grant, 'alice');
      assert.notEqual(digest, session);
    });

    it('P6: go nowhere when the store cannot answer', async () => {
      relay.calls.call = async () => {
        throw new Unavailable('audit', 'disk full');
      };
      const answer = await relay.post(CALL);
      assert.equal(answer.status, 503);
      assert.match(answer.text, /audit cannot answer/);
      assert.equal(relay.upstream.requests.length, 0);
    });

    it('a cancel of a parked one stays here, any other goes on', async () => {
      const asked: string[] = [];
      relay.calls.cancelled = async (_principal, _server, _session, id, reason) => asked.push(`${id} ${reason}`) === 1;
      const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1.0,"reason":"why"}}';
      assert.equal((await relay.post(cancel)).status, 202);
      assert.equal(relay.upstream.requests.length, 0);
      await relay.post(cancel);
      await relay.post(`[${cancel}]`);
      assert.deepEqual([asked, relay.upstream.requests.length], [['1.0 why', '1.0 why', '1.0 why'], 2]);
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
      relay.upstream.script = json(full);
      assert.equal((await relay.post(LIST, {}, 'hiding')).text, cut);
      assert.equal((await relay.post(LIST)).text, full);
    });
    it('vanish when all are hidden', async () => {
      relay.upstream.script = json('{"result":{"tools":[ {"name":"delete_a"}, {"name":"delete_b"} ]}}');
      assert.equal((await relay.post(LIST, {}, 'hiding')).text, '{"result":{"tools":[  ]}}');
    });
    it('vanish from batches', async () => {
      relay.upstream.script = json(`[${full}, {"jsonrpc":"2.0","id":2,"result":{}},${full}]`);
      assert.equal(
        (await relay.post(`[${LIST}]`, {}, 'hiding')).text,
        `[${cut}, {"jsonrpc":"2.0","id":2,"result":{}},${cut}]`,
      );
    });
    it('P9: leave a list that holds none of them byte for byte', async () => {
      for (const text of [
        '{"result":{"cacheScope":"public","tools":[ {"name":"read"} ,{"name":7},3]}} ',
        '{"result":{"tools":{}}}',
        '',
      ]) {
        relay.upstream.script = json(text);
        assert.equal((await relay.post(LIST, {}, 'hiding')).text, text);
      }
    });

    it('are not shown by an answer that cannot be read: what is no JSON here may be some there', async () => {
      for (const text of ['no json', `${full}${full}`, full.slice(0, -1)]) {
        relay.upstream.script = json(text);
        const { status, text: answer } = await relay.post(LIST, {}, 'hiding');
        const { id, error } = JSON.parse(answer);
        assert.deepEqual([status, id, error.code], [502, 1, 502]);
        assert.match(error.message, /^hiding answered, but its answer is not JSON/);
      }
      relay.upstream.script = json(`\ufeff${full}`);
      assert.equal((await relay.post(LIST, {}, 'hiding')).text, cut);
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
          relay.upstream.script = async (_, response) => {
            response.writeHead(200, { 'content-type': 'text/event-stream' });
            for (let at = 0; at < bytes.length; at += size) {
              response.write(bytes.subarray(at, at + size));
              if (size < bytes.length) await new Promise((resolve) => setImmediate(resolve));
            }
            response.end();
          };
          const wanted = sent(cut).replace('\ufeffdata', 'data').replace('\ufeff', '');
          const listed = await relay.post(LIST, {}, 'hiding');
          assert.equal(listed.text.replace('\ufeff', ''), wanted);
          const replayed = await wire({ url: relay.door.url('hiding'), method: 'GET', headers: AS_ALICE });
          assert.equal(replayed.text.replace('\ufeff', ''), wanted);
          assert.equal((await relay.post(LIST)).text, sent(plain));
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
        relay.upstream.script = (_, response) =>
          void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(lines.join(eol));
        assert.equal((await relay.post(LIST, {}, 'hiding')).text, kept.join(eol));
      });
    }
    it('do not slip through an answer that cannot be read', async () => {
      relay.upstream.script = json(full, 200, { 'content-encoding': 'br' });
      assert.equal((await relay.post(LIST, {}, 'hiding')).status, 502);
    });
  });
});
