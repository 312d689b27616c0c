import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { httpUpstream } from '../../../src/mcp/upstream/http.ts';
import type { Exchange, Upstream } from '../../../src/ports.ts';
import { slackClient } from '../../../src/slack/wire/client.ts';
import { type SilentProxy, silentProxy } from '../../support/faults/silent-proxy.ts';
import { quiet } from '../../support/log.ts';
import { forwardProxy } from '../../support/upstream/forward-proxy.ts';

/** What a server offers for how long an idle connection lives. */
const OFFERS = { nothing: 0, '5 s': 5_000, '2 minutes': 120_000 } as const;
/** Milliseconds of idleness after which a firewall in this test forgets a connection; real ones wait for longer. */
const FORGOTTEN_MS = 1_500;

describe('connections that a middlebox forgot', { concurrency: true }, () => {
  for (const [offered, keepAliveMs] of Object.entries(OFFERS)) {
    describe(`to a server that offers ${offered}`, { concurrency: false }, () => {
      let server: Server;
      let proxy: SilentProxy;
      let upstream: Upstream;
      let received = 0;
      before(async () => {
        server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
          received += 1;
          request.resume().on('end', () => response.end('{}'));
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        proxy = await silentProxy((server.address() as AddressInfo).port);
        upstream = httpUpstream({ url: `http://127.0.0.1:${proxy.port}/mcp` });
      });
      after(async () => {
        await upstream.close();
        await proxy.close();
        server.closeAllConnections();
        server.close();
      });

      test('P6: the next request has a fresh one, and is answered at once', async () => {
        for (let times = 0; times < 3; times += 1) {
          assert.equal((await upstream.exchange(request())).kind, 'answer');
          await sleep(FORGOTTEN_MS);
          proxy.forget();
          const asked = performance.now();
          assert.equal((await upstream.exchange(request())).kind, 'answer');
          assert.ok(performance.now() - asked < 1_000, `after ${performance.now() - asked} ms`);
        }
        assert.equal(received, 6, 'nothing was sent twice');
      });

      test('requests that follow each other share one', async () => {
        const before = proxy.open;
        for (let times = 0; times < 5; times += 1) await upstream.exchange(request());
        assert.ok(proxy.open <= before + 1, `${proxy.open - before} more`);
      });
    });
  }

  test('P6: nor is one to an HTTP proxy, or a tunnel through it, used after a second', async () => {
    const server = createServer({ keepAliveTimeout: 120_000 }, (asked, response) => {
      asked.resume().on('end', () => response.end('{}'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await using way = await forwardProxy();
    const proxy = await silentProxy(way.port);
    const address = `http://127.0.0.1:${proxy.port}`;
    const { port } = server.address() as AddressInfo;
    const upstream = httpUpstream({ url: `http://mcp.internal:${port}/mcp`, proxy: address });
    try {
      for (let times = 0; times < 2; times += 1) {
        assert.equal((await upstream.exchange(request())).kind, 'answer');
        await sleep(FORGOTTEN_MS);
        proxy.forget();
        const asked = performance.now();
        assert.equal((await upstream.exchange(request())).kind, 'answer');
        assert.ok(performance.now() - asked < 1_000, `after ${performance.now() - asked} ms`);
      }
    } finally {
      await upstream.close();
      await proxy.close();
      server.closeAllConnections();
      server.close();
    }
  });

  test('P4: a call to Slack on such a connection is given up after its time, and the next one has a fresh one', async () => {
    const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
      request
        .resume()
        .on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = await silentProxy((server.address() as AddressInfo).port);
    const slack = slackClient({
      token: 'xoxb-1',
      apiUrl: `http://127.0.0.1:${proxy.port}/api/`,
      log: quiet,
      timeoutMs: 1_000,
    });
    try {
      assert.equal((await slack.call('chat.postMessage', {})).ok, true);
      proxy.forget();
      const answers = [];
      for (let times = 0; times < 4; times += 1) {
        const asked = performance.now();
        answers.push(await slack.call('chat.postMessage', {}));
        assert.ok(performance.now() - asked < 2_500);
      }
      const lost = answers.filter((answer) => !answer.ok);
      assert.ok(lost.length <= 1, JSON.stringify(answers));
      // It may have arrived: whoever posts looks for the message before it posts again.
      for (const answer of lost) assert.equal(!answer.ok && answer.failure.ambiguous, true);
      assert.equal(answers.at(-1)?.ok, true);
    } finally {
      await proxy.close();
      server.closeAllConnections();
      server.close();
    }
  });
});

function request(): Exchange {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new TextEncoder().encode('{}'),
    grant: 'agent',
    whenAbandoned: 'abort',
  } as unknown as Exchange;
}
