import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Upstream } from '../../../src/ports.ts';
import { type ServedDoor, servedDoor } from '../../support/relay/served-door.ts';

const CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a"}}';
const LIST = '{"jsonrpc":"2.0","id":8,"method":"ping"}';
/** Milliseconds of silence after which no more is awaited. */
const SILENT_MS = 250;

/** A request as it is sent: its first line, its other headers (`null`: without that one) and its body. */
interface Sent {
  readonly line?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly body?: string;
  /** The connection is closed right behind it. */
  readonly leaves?: boolean;
}

const SENT: Readonly<Record<string, Sent>> = {
  'a plain call': {},
  'no token': { headers: { authorization: null } },
  'a wrong token': { headers: { authorization: 'Bearer mallory' } },
  'two tokens': { headers: { authorization: ['Bearer mallory', 'Bearer alice'] } },
  'a foreign page': { headers: { origin: 'https://evil.example' } },
  'a page without a name': { headers: { origin: 'null' } },
  'another host': { headers: { host: 'evil.example' } },
  'two hosts': { headers: { host: ['evil.example', 'HOST'] } },
  'our host first': { headers: { host: ['HOST', 'evil.example'] } },
  'no host': { headers: { host: null } },
  'HTTP/1.0': { line: 'POST /mcp/tools HTTP/1.0' },
  'HTTP/1.0 without a host': { line: 'POST /mcp/tools HTTP/1.0', headers: { host: null } },
  'HTTP/1.0 that stays': { line: 'POST /mcp/tools HTTP/1.0', headers: { connection: 'keep-alive' } },
  'a whole address': { line: 'POST http://HOST/mcp/tools HTTP/1.1' },
  'a whole address elsewhere': { line: 'POST http://evil.example/mcp/tools HTTP/1.1' },
  'a path with two slashes': { line: 'POST //mcp/tools HTTP/1.1' },
  'a slash behind': { line: 'POST /mcp/tools/ HTTP/1.1' },
  'a query': { line: 'POST /mcp/tools?x=1 HTTP/1.1' },
  'an escaped letter': { line: 'POST /mcp/%74ools HTTP/1.1' },
  'another server, escaped': { line: 'POST /mcp/private%2ftools HTTP/1.1' },
  dots: { line: 'POST /mcp/../mcp/tools HTTP/1.1' },
  'a backslash': { line: 'POST /mcp\\tools HTTP/1.1' },
  'a server that is not there': { line: 'POST /mcp/nothing HTTP/1.1' },
  'a server of Object’s': { line: 'POST /mcp/__proto__ HTTP/1.1' },
  'a server that is another’s': { line: 'POST /mcp/private HTTP/1.1' },
  'another method': { line: 'PUT /mcp/tools HTTP/1.1' },
  'small letters': { line: 'post /mcp/tools HTTP/1.1' },
  'no body': { body: '' },
  'no length': { headers: { 'content-length': null }, body: '' },
  chunks: {
    headers: { 'content-length': null, 'transfer-encoding': 'chunked' },
    body: `${CALL.length.toString(16)}\r\n${CALL}\r\n0\r\n\r\n`,
  },
  'chunks and a length': {
    headers: { 'transfer-encoding': 'chunked' },
    body: `${CALL.length.toString(16)}\r\n${CALL}\r\n0\r\n\r\n`,
  },
  'two lengths': { headers: { 'content-length': ['5', String(CALL.length)] } },
  'a list of lengths': { headers: { 'content-length': `${CALL.length}, ${CALL.length}` } },
  'a length with a sign': { headers: { 'content-length': `+${CALL.length}` } },
  'a length with zeros': { headers: { 'content-length': `000${CALL.length}` } },
  'a length of fifteen digits': { headers: { 'content-length': '999999999999999' } },
  'a length of seventeen digits': { headers: { 'content-length': '99999999999999999' } },
  'more than may be': { body: `{"a":"${'x'.repeat(70_000)}"}` },
  'less than is announced, and gone': { headers: { 'content-length': '5000' }, leaves: true },
  'a wrong token and no body': { headers: { authorization: 'Bearer mallory', 'content-length': '5000' }, leaves: true },
  packed: { headers: { 'content-encoding': 'gzip' } },
  'no JSON': { body: 'nonsense' },
  'another content': { headers: { 'content-type': 'text/plain' } },
  'two contents': { headers: { 'content-type': ['text/plain', 'application/json'] } },
  'a mark in front': { body: `\ufeff${CALL}` },
  'a member twice': { body: '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}' },
  'headers that disagree': { headers: { 'mcp-method': 'tools/list', 'mcp-protocol-version': '2026-07-28' } },
  'a wish to go on': { headers: { expect: '100-continue' } },
  'another wish': { headers: { expect: 'tea' } },
  'another protocol': { headers: { connection: 'Upgrade', upgrade: 'websocket' } },
  'the old SDK for Python, refused': {
    headers: { authorization: 'Bearer mallory', 'user-agent': 'python-httpx/0.27' },
  },
};

describe('the direct door and the other way', () => {
  const doors: ServedDoor[] = [];
  const got: string[][] = [];

  before(async () => {
    for (const direct of [{}, { direct: false }] as const) {
      const mine: string[] = [];
      const upstream: Upstream = {
        kind: 'http',
        exchange: async ({ body, headers }) => {
          const all = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
          mine.push(`${all.sort().join('; ')} ${new TextDecoder().decode(body ?? new Uint8Array())}`);
          return {
            kind: 'answer',
            status: 200,
            headers: [['content-type', 'application/json']],
            body: new TextEncoder().encode('{}'),
          };
        },
        close: async () => undefined,
      };
      const entry = { upstream, headers: {}, isHidden: () => false, inspectsLists: false };
      const servers = [
        { ...entry, name: 'tools' },
        { ...entry, name: 'private' },
      ];
      doors.push(await servedDoor(servers, { alreadySent: RESPONSE_ALREADY_SENT, ...direct }));
      got.push(mine);
    }
  });
  after(async () => {
    for (const door of doors) await door[Symbol.asyncDispose]();
  });

  function textOf(host: string, { line = 'POST /mcp/tools HTTP/1.1', headers = {}, body = CALL }: Sent): string {
    const all: Record<string, string | readonly string[] | null> = {
      ...{
        host,
        authorization: 'Bearer alice',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      'content-length': String(Buffer.byteLength(body)),
      ...headers,
    };
    const lines = Object.entries(all).flatMap(([name, value]) =>
      value === null ? [] : [value].flat().map((one) => `${name}: ${one}`),
    );
    return `${[line, ...lines].join('\r\n')}\r\n\r\n${body}`.replaceAll('HOST', host);
  }

  /** Whatever is answered on one connection, without times and ports; and what reached the server. */
  async function told(which: number, sent: Sent): Promise<string> {
    const { host, port } = new URL(doors[which]!.origin);
    const from = got[which]!.length;
    const socket = connect(Number(port), '127.0.0.1');
    let answer = '';
    const over = Promise.withResolvers<string>();
    let timer = setTimeout(() => undefined);
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => over.resolve('open'), SILENT_MS);
    };
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      wait();
    });
    socket.on('error', () => undefined).on('close', () => over.resolve('closed'));
    wait();
    socket.write(textOf(host, sent));
    // Whatever became of it, the next one on the connection is another request.
    if (sent.leaves === true) socket.end();
    else socket.write(textOf(host, { body: LIST }));
    const end = await over.promise;
    clearTimeout(timer);
    socket.destroy();
    const plain = answer.replaceAll(/^Date: .*$/gim, '').replaceAll(host, 'HOST');
    const reached = got[which]!.slice(from).map((one) => one.replaceAll(host, 'HOST'));
    return `${plain}\n${end}\n${reached.join('\n')}`;
  }

  for (const [what, sent] of Object.entries(SENT)) {
    test(`P1: ${what}: both answer the same, and send the same`, async () => {
      const [direct, other] = [await told(0, sent), await told(1, sent)];
      assert.equal(direct, other);
    });
  }

  test('a plain call does arrive, by both', async () => {
    for (const which of [0, 1])
      assert.match(await told(which, {}), /^HTTP\/1.1 200[\s\S]*HTTP\/1.1 200[\s\S]*tools\/call[\s\S]*ping/);
  });
});
