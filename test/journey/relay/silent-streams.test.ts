import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { listen } from '../../../src/main/process/listen.ts';
import { stdioUpstream } from '../../../src/mcp/stdio/upstream.ts';
import { httpUpstream } from '../../../src/mcp/upstream/http.ts';
import { quiet } from '../../support/log.ts';
import { type ServedDoor, servedDoor } from '../../support/relay/served-door.ts';
import { eventually } from '../../support/wait.ts';

const BEAT_MS = 60;
/** Milliseconds after which a session of one server here is idle. */
const BRIEF_MS = 500;
const COMMENT = ': holdfast\n\n';
const RUNTIMES = [
  ['', {}],
  [', written to the socket', { alreadySent: RESPONSE_ALREADY_SENT }],
] as const;

/** A stdio server that answers `initialize`, and nothing else. */
const MUTE = `
  let rest = '';
  process.stdin.on('data', (chunk) => {
    rest += chunk;
    for (let end = rest.indexOf('\\n'); end !== -1; end = rest.indexOf('\\n')) {
      const { id, method, params } = JSON.parse(rest.slice(0, end));
      rest = rest.slice(end + 1);
      if (method !== 'initialize') continue;
      const result = { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: 'm', version: '1' } };
      process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
    }
  });`;

for (const [how, runtime] of RUNTIMES) {
  describe(`a silent stream that is passed on${how}`, { concurrency: false }, () => {
    let server: Server;
    let door: ServedDoor;
    /** What the server answers next, and its open answer. */
    let head: Record<string, string> = {};
    let open: ServerResponse | null = null;

    before(async () => {
      server = createServer((asked, response) => {
        asked.resume();
        response.writeHead(200, { 'content-type': 'text/event-stream', ...head }).flushHeaders();
        open = response;
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const entry = { headers: {}, isHidden: () => false, inspectsLists: false };
      const mute = stdioUpstream({
        program: () => ({ command: [process.execPath, '-e', MUTE], env: {} }),
        clock: { now: () => new Date() },
        log: quiet,
      });
      const brief = stdioUpstream({
        program: () => ({ command: [process.execPath, '-e', MUTE], env: {} }),
        clock: { now: () => new Date() },
        log: quiet,
        idleMs: BRIEF_MS,
      });
      door = await servedDoor(
        [
          { ...entry, name: 'tools', upstream: httpUpstream({ url }) },
          { ...entry, name: 'hides', inspectsLists: true, upstream: httpUpstream({ url }) },
          { ...entry, name: 'child', upstream: mute },
          { ...entry, name: 'brief', upstream: brief },
        ],
        { ...runtime, beatMs: () => BEAT_MS },
      );
    });
    after(async () => {
      await door[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    const HEADERS = {
      authorization: 'Bearer alice',
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
    };
    const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';

    /** An answer of the door's as it comes. */
    async function opened(name: string, method: 'GET' | 'POST', more: Record<string, string> = {}) {
      open = null;
      const answer = await fetch(door.url(name), {
        method,
        headers: { ...HEADERS, ...more },
        ...(method === 'POST' ? { body: CALL } : {}),
      });
      const heard = { text: '', done: false, answer };
      void (async () => {
        const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
        for await (const chunk of answer.body!) heard.text += decoder.decode(chunk as Uint8Array, { stream: true });
        heard.done = true;
      })().catch(() => undefined);
      if (name !== 'child') await eventually('the server is asked', () => open);
      return heard;
    }
    const comments = (text: string): number => text.split(COMMENT).length - 1;

    for (const [name, method] of [
      ['tools', 'GET'],
      ['tools', 'POST'],
      ['hides', 'GET'],
      ['hides', 'POST'],
    ] as const) {
      test(`gets comments: ${method} of a server that ${name === 'hides' ? 'hides tools' : 'hides none'}`, async () => {
        head = {};
        const heard = await opened(name, method);
        await eventually('three comments', () => (comments(heard.text) >= 3 ? true : null));
        const event = 'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{"n":1.50}}\n\n';
        open!.end(event);
        await eventually('the end', () => (heard.done ? true : null));
        assert.equal(heard.text.replaceAll(COMMENT, ''), event, 'byte for byte');
      });
    }

    test('never in the middle of an event, whatever ends its lines', async () => {
      for (const [between, cut] of [
        ['data: 1\n\n', 'data: {"jsonrpc":\n'],
        ['data: 1\r\n\r\n', 'data: 2\r\n'],
        ['data: 1\r\r', 'data: 2\r'],
        ['data: 1\n\n', 'data: 2'],
        ['data: 1\r\n\r\n', 'data: 2\r\n\r'],
      ] as const) {
        head = {};
        const heard = await opened('tools', 'GET');
        open!.write(between);
        await eventually('a comment', () => (comments(heard.text) > 0 && heard.text.includes('1') ? true : null));
        open!.write(cut);
        await eventually('the half event', () => (heard.text.includes(cut) ? true : null));
        const until = performance.now() + 4 * BEAT_MS;
        await eventually('some beats', () => (performance.now() > until ? true : null));
        assert.ok(heard.text.endsWith(cut), JSON.stringify(heard.text));
        open!.end();
        await eventually('the end', () => (heard.done ? true : null));
      }
    });

    test('a byte order mark behind a comment is left out, because there it would be read as text', async () => {
      head = {};
      const heard = await opened('tools', 'GET');
      await eventually('a comment', () => (comments(heard.text) > 0 ? true : null));
      open!.end('\ufeffdata: {}\n\n');
      await eventually('the end', () => (heard.done ? true : null));
      assert.equal(heard.text.replaceAll(COMMENT, ''), 'data: {}\n\n');
    });

    test('nothing is written into what is packed, nor into what is no event stream', async () => {
      for (const other of [{ 'content-encoding': 'gzip' }, { 'content-type': 'application/json' }]) {
        head = other;
        open = null;
        // Not `fetch`, which unpacks.
        const got: Buffer[] = [];
        const ended = Promise.withResolvers<void>();
        const asked = request(door.url('tools'), { headers: HEADERS, method: 'GET' }, (answer) => {
          answer.on('data', (chunk: Buffer) => got.push(chunk));
          answer.on('end', ended.resolve);
        });
        asked.end();
        await eventually('the server is asked', () => open);
        const until = performance.now() + 4 * BEAT_MS;
        await eventually('some beats', () => (performance.now() > until ? true : null));
        const sent = other['content-encoding'] ? gzipSync('data: {}\n\n') : Buffer.from('{"jsonrpc":"2.0"}');
        open!.end(sent);
        await ended.promise;
        assert.deepEqual(Buffer.concat(got), sent);
      }
    });

    test('of a stdio session gets comments, and so does a call that its server does not answer', async () => {
      const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'c', version: '1' } };
      const begun = await fetch(door.url('child'), {
        method: 'POST',
        headers: HEADERS,
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
      });
      await begun.text();
      const session = { 'mcp-session-id': begun.headers.get('mcp-session-id')! };
      const [listening, called] = [await opened('child', 'GET', session), await opened('child', 'POST', session)];
      await eventually('comments', () => (comments(listening.text) > 1 && comments(called.text) > 1 ? true : null));
      await fetch(door.url('child'), { method: 'DELETE', headers: { ...HEADERS, ...session } });
    });

    test('a child lives as long as somebody listens, however silent, and ends once nobody does', async () => {
      const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'c', version: '1' } };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
      const begun = await fetch(door.url('brief'), { method: 'POST', headers: HEADERS, body });
      await begun.text();
      const session = { ...HEADERS, 'mcp-session-id': begun.headers.get('mcp-session-id')! };
      const over = new AbortController();
      const first = await fetch(door.url('brief'), { headers: session, signal: over.signal });
      const until = performance.now() + 3 * BRIEF_MS;
      await eventually('three times the idle time', () => (performance.now() > until ? true : null));
      const second = await fetch(door.url('brief'), { headers: session, signal: over.signal });
      assert.deepEqual([first.status, second.status], [200, 200], 'it is still there');
      over.abort();
      const gone = performance.now() + 3 * BRIEF_MS;
      await eventually('three times the idle time', () => (performance.now() > gone ? true : null));
      assert.equal((await fetch(door.url('brief'), { headers: session })).status, 404);
    });

    test('a reader who leaves is told to the server, and gets nothing any more', async () => {
      head = {};
      const over = new AbortController();
      open = null;
      const answer = await fetch(door.url('tools'), { headers: HEADERS, signal: over.signal });
      assert.equal(answer.status, 200);
      const response = await eventually('the server is asked', () => open);
      const closed = Promise.withResolvers<void>();
      response.once('close', closed.resolve);
      over.abort();
      await closed.promise;
    });
  });
}

test('TCP asks silent agents whether they are there', { skip: process.platform !== 'linux' }, async () => {
  const app = new Hono().get(
    '*',
    () => new Response(new ReadableStream({ start: (out) => out.enqueue(new Uint8Array(1)) })),
  );
  const { server, url } = await listen(app as never, { host: '127.0.0.1', port: 0 });
  try {
    const port = Number(new URL(url).port);
    let socket: Socket | null = null;
    const asked = request(url);
    asked.on('socket', (one) => {
      socket = one;
    });
    await new Promise((resolve) => asked.once('response', resolve).end());
    const near = (socket as unknown as Socket).localPort!;
    // The kernel's table: a timer of kind 2 is that of keep-alive (proc(5), tcp).
    const hex = (value: number): string => value.toString(16).toUpperCase().padStart(4, '0');
    await eventually('a timer of keep-alive', () =>
      readFileSync('/proc/net/tcp', 'utf8')
        .split('\n')
        .some((line) => new RegExp(`:${hex(port)} \\S+:${hex(near)} 01 \\S+ 02:`).test(line))
        ? true
        : null,
    );
    asked.destroy();
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
