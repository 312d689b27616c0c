import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Upstream } from '../../../src/ports.ts';
import { answered, begin, jsonOf } from '../../support/stdio/exchange.ts';
import { type StdioWorld, stdioWorld } from '../../support/stdio/world.ts';

let stdio: StdioWorld;
before(async () => {
  stdio = await stdioWorld();
});
after(() => stdio.close());

test('the real filesystem server lists and reads', async () => {
  await writeFile(join(stdio.home, 'a.txt'), 'held fast');
  const upstream = stdio.upstreamOf({ command: ['node_modules/.bin/mcp-server-filesystem', stdio.home] });
  const { session } = await begin(upstream);
  assert.equal(
    (await answered(upstream, { session, text: '{"jsonrpc":"2.0","method":"notifications/initialized"}' })).status,
    202,
  );
  const headers = { accept: 'application/json', 'mcp-protocol-version': '2025-06-18' };
  const list = await jsonOf(
    await answered(upstream, { session, headers, text: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' }),
  );
  assert.ok(list.result.tools.some((tool: { name: string }) => tool.name === 'write_file'));
  const params = { name: 'read_text_file', arguments: { path: join(stdio.home, 'a.txt') } };
  const text = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params });
  assert.match(JSON.stringify(await jsonOf(await answered(upstream, { session, headers, text }))), /held fast/);
});

test('the real SDK client talks to the real everything server: calls, progress, and the server’s own requests', async () => {
  const upstream = stdio.upstreamOf({ command: ['node_modules/.bin/mcp-server-everything', 'stdio'] });
  await using door = await httpDoor(upstream);
  const client = new Client({ name: 't', version: '0' }, { capabilities: { sampling: {} } });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: 'm',
    role: 'assistant',
    content: { type: 'text', text: 'sampled' },
  }));
  const transport = new StreamableHTTPClientTransport(new URL(door.url));
  await client.connect(transport);
  const { tools } = await client.listTools();
  const echo = await client.callTool({ name: 'echo', arguments: { message: 'hold fast' } });
  assert.match(JSON.stringify(echo.content), /hold fast/);

  const progress: number[] = [];
  const long = tools.find((tool) => /long-?running/i.test(tool.name))!.name;
  const onprogress = (at: { progress: number }) => progress.push(at.progress);
  await client.callTool({ name: long, arguments: { duration: 0.3, steps: 3 } }, undefined, { onprogress });
  assert.deepEqual(progress, [1, 2, 3]);

  const samples = (await client.listTools()).tools.find((tool) => /sampling/i.test(tool.name))!.name;
  const sampled = await client.callTool({ name: samples, arguments: { prompt: 'p', maxTokens: 5 } });
  assert.match(JSON.stringify(sampled.content), /sampled/);
  await transport.terminateSession();
  await client.close();
});

/** The upstream as a plain HTTP server. */
async function httpDoor(upstream: Upstream) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const body = chunks.length > 0 ? Buffer.concat(chunks) : null;
    const answer = await upstream.exchange({ method: request.method as 'POST', headers, body, grant: 'bot' });
    if (answer.kind !== 'answer') return void response.writeHead(502).end(answer.why);
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.flushHeaders();
    if (!(answer.body instanceof ReadableStream)) return void response.end(answer.body ?? undefined);
    const reader = answer.body.getReader();
    response.on('close', () => reader.cancel().catch(() => {}));
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) response.write(read.value);
      response.end();
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
