import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { httpUpstream } from '../../../src/mcp/upstream/http.ts';
import { type ServedDoor, servedDoor } from '../../support/relay/served-door.ts';
import { eventually } from '../../support/wait.ts';

const RUNTIMES = [
  ['', {}],
  [', written to the socket', { alreadySent: RESPONSE_ALREADY_SENT }],
] as const;

for (const [how, runtime] of RUNTIMES) {
  describe(`a list that changes, told on a GET${how}`, () => {
    let server: Server;
    let door: ServedDoor;
    let listening: ServerResponse | null = null;
    let tools = ['read', 'secret'];
    /** Tools whose entry is not what was accepted. */
    const drifted = new Set<string>();

    before(async () => {
      server = createServer(async (request, response) => {
        if (request.method === 'GET') {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
          listening = response;
          return;
        }
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const { id, method } = JSON.parse(Buffer.concat(chunks).toString() || '{}') as { id?: number; method?: string };
        if (id === undefined) return void response.writeHead(202).end();
        const result =
          method === 'initialize'
            ? {
                protocolVersion: '2025-06-18',
                capabilities: { tools: { listChanged: true } },
                serverInfo: { name: 's', version: '1' },
              }
            : { tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })) };
        const headers = { 'content-type': 'application/json', 'mcp-session-id': 's1' };
        response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const isHidden = (tool: string): boolean => tool === 'secret' || drifted.has(tool);
      const upstream = httpUpstream({ url });
      door = await servedDoor([{ name: 'tools', upstream, headers: {}, isHidden, inspectsLists: true }], runtime);
    });
    after(async () => {
      await door[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    test('reaches the client, whose new list has no hidden and no drifted tool', async () => {
      const client = new Client({ name: 'c', version: '1' });
      let changes = 0;
      const unexpected: string[] = [];
      client.onerror = (error) => unexpected.push(error.message);
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
        changes += 1;
      });
      const requestInit = { headers: { authorization: 'Bearer alice' } };
      await client.connect(new StreamableHTTPClientTransport(new URL(door.url('tools')), { requestInit }) as Transport);
      const names = async (): Promise<string[]> => (await client.listTools()).tools.map(({ name }) => name);
      assert.deepEqual(await names(), ['read']);
      const stream = await eventually('the client listens', () => listening);
      tools = ['read', 'secret', 'added', 'altered'];
      drifted.add('altered');
      stream.write('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
      await eventually('the client hears of it', () => (changes === 1 ? true : null));
      assert.deepEqual(await names(), ['read', 'added']);
      // A list that comes on the stream itself, as of a request that was resumed.
      stream.write(
        `data: {"jsonrpc":"2.0","id":99,"result":{"tools":[{"name":"secret"},{"name":"altered"},{"name":"read"}]}}\n\n`,
      );
      stream.write('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
      await eventually('the client hears the next', () => (changes === 2 ? true : null));
      assert.match(unexpected.join(), /unknown message ID.*read/);
      assert.doesNotMatch(unexpected.join(), /secret|altered/);
      await client.close();
    });
  });
}
