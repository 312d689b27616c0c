import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { slackClient } from '../../../src/slack/wire/client.ts';
import { quiet } from '../../support/log.ts';

const ARGS = { channel: 'C1', text: 'ä&=', blocks: [{ type: 'section' }] };

describe('what Slack answers, and what becomes of a request to it', () => {
  let answer: RequestListener = () => undefined;
  const server = createServer((request, response) => answer(request, response));
  let apiUrl = '';
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const call = (url = apiUrl) =>
    slackClient({ token: 'xoxb-1', apiUrl: url, log: quiet, timeoutMs: 700 }).call('chat.update', ARGS);
  const failure = async (url?: string) => {
    const found = await call(url);
    if (found.ok) throw new Error('it worked');
    const { code, retryable, ambiguous, afterMs } = found.failure;
    return { code, retryable, ambiguous, afterMs };
  };

  test('goes as one form with the token, and scopes are read from the answer', async () => {
    let body = '';
    let headers: Record<string, unknown> = {};
    answer = (request, response) => {
      headers = { method: request.method, url: request.url, ...request.headers };
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () =>
        response.setHeader('x-oauth-scopes', 'chat:write, users:read').end('{"ok":true,"ts":"1.2"}'),
      );
    };
    const found = await call();
    assert.ok(found.ok && found.body.ts === '1.2');
    assert.deepEqual(found.scopes, ['chat:write', 'users:read']);
    const { channel, text, blocks } = Object.fromEntries(new URLSearchParams(body));
    assert.deepEqual({ channel, text, blocks }, { ...ARGS, blocks: JSON.stringify(ARGS.blocks) });
    assert.deepEqual(
      [headers.method, headers.url, headers.authorization, headers['accept-encoding']],
      ['POST', '/api/chat.update', 'Bearer xoxb-1', 'identity'],
    );
  });

  test('P4: what certainly had no effect is told from what may have had one', async () => {
    answer = (_, response) => response.writeHead(429, { 'retry-after': '7' }).end();
    assert.deepEqual(await failure(), { code: 'ratelimited', retryable: true, ambiguous: false, afterMs: 7_000 });
    answer = (_, response) => response.writeHead(503).end('no');
    assert.deepEqual(await failure(), { code: 'http_503', retryable: true, ambiguous: true, afterMs: 5_000 });
    answer = (_, response) => response.end('{"ok":false,"error":"message_not_found"}');
    assert.equal((await failure()).code, 'message_not_found');
    const unanswered = { code: 'no_answer', retryable: true, ambiguous: true, afterMs: 2_000 };
    answer = (_, response) => response.writeHead(302, { location: `${apiUrl}elsewhere` }).end();
    assert.deepEqual(await failure(), unanswered);
    answer = (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('{"ok":true}'));
    assert.deepEqual(await failure(), unanswered);
    answer = (request) => request.socket.destroy();
    assert.deepEqual(await failure(), unanswered);
    answer = () => undefined;
    assert.deepEqual(await failure(), unanswered, 'within its time');
    answer = (_, response) => response.writeHead(200, { 'content-length': '100' }).write('{"ok":tr');
    assert.deepEqual(await failure(), { ...unanswered, afterMs: 5_000 }, 'an answer that breaks off');
    assert.deepEqual(await failure('http://127.0.0.1:1/api/'), {
      ...unanswered,
      code: 'not_reached',
      ambiguous: false,
    });
  });
});
