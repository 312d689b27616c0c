import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { open, wire } from '../../support/agent/wire.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type RecordingUpstream, recordingUpstream } from '../../support/upstream/recording.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval }
`;

/** Requests whose bytes would change if they were parsed and written again. */
const REQUESTS: readonly (readonly [what: string, body: string])[] = [
  ['odd blanks', ' \r\n{ "jsonrpc" : "2.0",\t"id":1 , "method":"ping" } \n'],
  [
    'big integers and exponents',
    '{"jsonrpc":"2.0","id":12345678901234567890,"method":"x/y","params":{"n":[1e400,-0,1.10]}}',
  ],
  [
    'unknown members',
    '{"x-new":{"deep":[{}]},"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"future":true}}',
  ],
  ['escapes', '{"jsonrpc":"2.0","id":"\\u0061\\/","method":"x/y","params":{"s":"\\ud83d\\ude00 ☃ \\u0000"}}'],
  [
    'an allowed call',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{"n":9007199254740993}}}',
  ],
  [
    'a modern call with a foreign state',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","requestState":"a+b/c==","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"new":{}}}}}',
  ],
];

/** Answers of which the same is true. */
const ANSWERS: readonly (readonly [what: string, type: string, body: string])[] = [
  [
    'JSON',
    'application/json',
    ' {"jsonrpc":"2.0", "id":1,"result":{"n":12345678901234567890,"x":1.0,"resultType":"new"}}\n',
  ],
  [
    'an error',
    'application/json',
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32099,"message":"m","data":{"big":1e999}}}',
  ],
  [
    'events',
    'text/event-stream',
    ': hello\r\n\r\nid: 7\r\nevent: message\r\ndata: {"jsonrpc":"2.0",\r\ndata: "id":1,"result":{}}\r\n\r\n',
  ],
];

describe('P9: the same bytes, directly and through the gateway', () => {
  let upstream: RecordingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  before(async () => {
    upstream = await recordingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      slack: false,
    });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await upstream[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    upstream.requests.length = 0;
    upstream.script = (_, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","id":1,"result":{}}');
  });

  const JSON_POST = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const direct = (body: string) => wire({ url: upstream.url, headers: JSON_POST, body });
  const through = (body: string) =>
    wire({
      url: `${gateway.url}/mcp/tools`,
      headers: { ...JSON_POST, authorization: `Bearer ${house.tokens.agent}` },
      body,
    });

  for (const [what, body] of REQUESTS) {
    test(`a request with ${what}`, async () => {
      await direct(body);
      await through(body);
      const [one, two] = upstream.requests;
      assert.deepEqual(two?.body, one?.body);
      for (const name of ['content-type', 'accept', 'mcp-method', 'mcp-protocol-version']) {
        assert.equal(two?.headers[name], one?.headers[name]);
      }
      assert.equal(two?.headers.authorization, undefined);
    });
  }

  for (const [what, type, body] of ANSWERS) {
    test(`an answer of ${what}`, async () => {
      upstream.script = (_, response) => void response.writeHead(200, { 'content-type': type }).end(body);
      const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      const [one, two] = [await direct(ping), await through(ping)];
      assert.equal(two.text, one.text);
      assert.equal(two.text, body);
      assert.equal(two.headers['content-type'], one.headers['content-type']);
    });
  }

  for (const [what, body] of [
    ['every byte there is', Buffer.from(Array.from({ length: 256 }, (_, n) => n))],
    ['200 KB and characters of every length', Buffer.from('aé☃😀'.repeat(20_000))],
  ] as const) {
    test(`an answer of ${what}, its length told`, async () => {
      const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length };
      upstream.script = (_, response) => void response.writeHead(200, headers).end(body);
      const { incoming } = await open({
        url: `${gateway.url}/mcp/tools`,
        headers: { ...JSON_POST, authorization: `Bearer ${house.tokens.agent}` },
        body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}',
      });
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      assert.deepEqual(Buffer.concat(chunks), body);
      assert.equal(incoming.headers['content-type'], headers['content-type']);
      assert.equal(incoming.headers['content-length'], `${body.length}`);
    });
  }

  test('an approved call goes out as it came, and its answer comes back with nothing but our note added', async () => {
    const body =
      '{ "jsonrpc":"2.0" ,"id" : "k-1", "method":"tools/call","params":{"arguments":{"b":1,"a":"\\u0041 ☃"},"x-new":[1.50], "name":"create_key"}}\n';
    const result = '{"content":[],"n":12345678901234567890, "x-odd" : 1.0}';
    upstream.script = (_, response) =>
      void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(`{"jsonrpc":"2.0","id":"k-1","result":${result}}`);
    const answer = through(body);
    const { id } = await gateway.pending('create_key');
    const headers = { 'content-type': 'application/json' };
    await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', headers, body: '{"decision":"approve"}' });
    const { text } = await answer;
    assert.equal(upstream.requests.length, 1);
    assert.equal(upstream.requests[0]?.body.toString(), body);
    assert.ok(text.includes(result.slice(0, -1)), text);
    assert.match(text, /"_meta":\{"holdfast\/approval":\{"id":"ap_/);
  });
});
