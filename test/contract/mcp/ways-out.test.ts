import assert from 'node:assert/strict';
import { createServer as createPlain, type Server } from 'node:http';
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { httpUpstream } from '../../../src/mcp/upstream/http.ts';
import type { Exchange, ExchangeAnswer, Upstream } from '../../../src/ports.ts';
import { type TestCertificate, testCertificate } from '../../support/upstream/certificate.ts';
import { type ForwardProxy, forwardProxy } from '../../support/upstream/forward-proxy.ts';
import { eventually } from '../../support/wait.ts';

/** What a server of any kind does with a request: `/big` has a long body, `/open` an event stream without an end. */
type Answering = (
  request: { url?: string | undefined; httpVersion: string; method?: string | undefined; resume(): unknown },
  response: {
    writeHead(status: number, headers: Record<string, string>): unknown;
    write(text: string): unknown;
    end(text?: string): unknown;
    once(event: 'close', listener: () => void): unknown;
  },
) => void;

const BIG = 'x'.repeat(3 * 1024 * 1024);

describe('ways to a server', { concurrency: false }, () => {
  let certificate: TestCertificate;
  let before1: string | undefined;
  let asked: string[] = [];
  let left = 0;
  const answer: Answering = (request, response) => {
    request.resume();
    asked.push(`${request.method} ${request.url} ${request.httpVersion}`);
    response.once('close', () => {
      left += 1;
    });
    if (request.url === '/open') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': open\n\n');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(request.url === '/big' ? BIG : '{"jsonrpc":"2.0","id":1,"result":{}}');
  };
  const servers: (Server | Http2SecureServer)[] = [];
  const sessions = new Set<{ destroy(): void }>();
  const ports: Record<string, number> = {};

  before(async () => {
    certificate = testCertificate('localhost', 'mcp.internal', '127.0.0.1');
    // What NODE_EXTRA_CA_CERTS does for a process that is started with it.
    before1 = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    const { cert, key } = certificate;
    const kinds = {
      plain: createPlain(answer as never),
      'https, 1.1 only': createSecure({ cert, key }, answer as never),
      'h2 only': createSecureServer({ cert, key }, answer as never),
      'h2 and 1.1': createSecureServer({ cert, key, allowHTTP1: true }, answer as never),
    };
    for (const [name, server] of Object.entries(kinds)) {
      await new Promise<void>((resolve) => (server as Server).listen(0, '127.0.0.1', resolve));
      server.on('session' as never, ((session: { destroy(): void }) => sessions.add(session)) as never);
      server.on('connection', (socket) => sessions.add(socket));
      ports[name] = (server.address() as AddressInfo).port;
      servers.push(server as Server);
    }
  });
  after(async () => {
    for (const session of sessions) session.destroy();
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
    certificate[Symbol.dispose]();
    if (before1 === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before1;
  });

  const urlOf = (kind: string, path: string, host = 'localhost'): string =>
    `${kind === 'plain' ? 'http' : 'https'}://${host}:${ports[kind]}${path}`;

  for (const [kind, version] of [
    ['plain', '1.1'],
    ['https, 1.1 only', '1.1'],
    ['h2 only', '2.0'],
    ['h2 and 1.1', '1.1'],
  ] as const) {
    for (const proxied of [false, true]) {
      test(`${kind}${proxied ? ', through a proxy' : ''}: calls, long bodies, streams that are left`, async () => {
        await using proxy = await forwardProxy('bob:p@ss');
        const address = proxied ? `http://bob:p%40ss@127.0.0.1:${proxy.port}` : null;
        // Only the proxy knows this name.
        const host = proxied ? 'mcp.internal' : 'localhost';
        const open = (path: string): Upstream => httpUpstream({ url: urlOf(kind, path, host), proxy: address });
        const [small, big, stream] = [open('/mcp'), open('/big'), open('/open')];
        [asked, left] = [[], 0];
        try {
          for (let times = 0; times < 3; times += 1) {
            assert.equal(await textOf(await small.exchange(post())), '{"jsonrpc":"2.0","id":1,"result":{}}');
          }
          assert.equal((await textOf(await big.exchange(post()))).length, BIG.length);
          // Many at once, each on its own.
          const many = await Promise.all(Array.from({ length: 20 }, () => small.exchange(post())));
          assert.ok(many.every(({ kind: what }) => what === 'answer'));
          const endless = await stream.exchange({ ...post(), method: 'GET', body: null });
          assert.equal(endless.kind, 'answer');
          const reader = (
            (endless as { body: ReadableStream<Uint8Array> }).body as ReadableStream<Uint8Array>
          ).getReader();
          assert.equal(new TextDecoder().decode((await reader.read()).value), ': open\n\n');
          const before = left;
          await reader.cancel();
          await eventually('the server knows that the reader left', () => (left > before ? true : null));
          assert.equal(asked.length, 25, 'nothing was sent twice');
          assert.ok(
            asked.every((line) => line.endsWith(` ${version}`)),
            asked[0],
          );
          if (!proxied) return;
          const form = kind === 'plain' ? /^(?:POST|GET) http:\/\/mcp\.internal:/ : /^CONNECT mcp\.internal:/;
          assert.ok(proxy.asked.length > 0 && proxy.asked.every((line) => form.test(line)), proxy.asked[0]);
          assert.ok(
            proxy.credentials.every((given) => given === `Basic ${Buffer.from('bob:p@ss').toString('base64')}`),
          );
        } finally {
          await Promise.all([small.close(), big.close(), stream.close()]);
        }
      });
    }

    for (const [what, address, refuses, why] of [
      ['wants another password', 'http://bob:wrong@', null, 'PROXY_407'],
      ['refuses', 'http://bob:p%40ss@', 403, 'PROXY_403'],
    ] as const) {
      test(`${kind}: a proxy that ${what} has passed nothing on`, async () => {
        await using proxy = await forwardProxy('bob:p@ss');
        proxy.refuses = refuses;
        const upstream = httpUpstream({
          url: urlOf(kind, '/mcp', 'mcp.internal'),
          proxy: `${address}127.0.0.1:${proxy.port}`,
        });
        asked = [];
        try {
          const found = await upstream.exchange(post());
          if (kind === 'plain' && refuses !== null) {
            // Without a tunnel, nobody can tell the proxy's refusal from the server's.
            assert.equal(found.kind === 'answer' && found.status, refuses);
          } else assert.deepEqual(found, { kind: 'not_sent', why });
          assert.deepEqual(asked, []);
        } finally {
          await upstream.close();
        }
      });
    }
  }

  test('a proxy that is not there is told as the proxy', async () => {
    let proxy: ForwardProxy | null = await forwardProxy();
    const address = `http://bob:hunter2@127.0.0.1:${proxy.port}`;
    await proxy[Symbol.asyncDispose]();
    proxy = null;
    for (const kind of ['plain', 'https, 1.1 only']) {
      const upstream = httpUpstream({ url: urlOf(kind, '/mcp'), proxy: address });
      assert.deepEqual(await upstream.exchange(post()), { kind: 'not_sent', why: 'PROXY_ECONNREFUSED' });
      await upstream.close();
    }
  });

  for (const [what, fail] of [
    ['refuses the stream', (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM)],
    ['resets the stream', (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
    [
      'goes away and drops the connection',
      (stream) => {
        stream.session?.goaway();
        stream.session?.destroy();
      },
    ],
  ] as const satisfies [string, (stream: ServerHttp2Stream) => void][]) {
    test(`P2: an h2 server that ${what} after it took a request: nothing is sent again`, async () => {
      const { cert, key } = certificate;
      let received = 0;
      const server = createSecureServer({ cert, key }, (request) => {
        received += 1;
        request.resume();
        request.once('end', () => fail(request.stream));
      });
      server.on('session', (session) => sessions.add(session));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const upstream = httpUpstream({ url: `https://localhost:${(server.address() as AddressInfo).port}/mcp` });
      try {
        assert.equal((await upstream.exchange(post())).kind, 'lost');
        assert.equal(received, 1);
      } finally {
        await upstream.close();
        for (const session of sessions) session.destroy();
        await new Promise((resolve) => server.close(resolve));
      }
    });
  }

  function post(): Exchange {
    return {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', 'mcp-session-id': 's' },
      body: new TextEncoder().encode('{}'),
      grant: 'agent',
      whenAbandoned: 'abort',
    } as unknown as Exchange;
  }

  async function textOf(found: ExchangeAnswer): Promise<string> {
    assert.equal(found.kind, 'answer', JSON.stringify(found));
    return found.kind === 'answer' ? new Response(found.body as BodyInit).text() : '';
  }
});
