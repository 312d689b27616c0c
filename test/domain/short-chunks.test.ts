import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { httpUpstream } from '../../src/mcp/upstream/http.ts';

const EVENT = 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n';
const EVENTS = 30_000;

test('P8: very many short chunks that a slow reader takes are not copied again for each of them', async () => {
  const server = createServer(async (request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let sent = 0; sent < EVENTS; sent += 1) {
      if (!response.write(EVENT)) await new Promise((resolve) => response.once('drain', resolve));
    }
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const upstream = httpUpstream({ url });
  const answer = await upstream.exchange({ method: 'POST', headers: {}, body: new Uint8Array(2), grant: 'g' } as never);
  assert.ok(answer.kind === 'answer' && answer.body instanceof ReadableStream);
  const reader = answer.body.getReader();
  let bytes = 0;
  let most = 0;
  for (let read = await reader.read(), n = 1; !read.done; read = await reader.read(), n += 1) {
    bytes += read.value.length;
    most = Math.max(most, process.memoryUsage().arrayBuffers + process.memoryUsage().external);
    if (n % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  server.close();
  assert.equal(bytes, EVENTS * EVENT.length);
  assert.ok(most < 64 * 1024 * 1024, `${Math.round(most / 1e6)} MB`);
});
