import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { sdkTaskServer } from '../../support/upstream/sdk-tasks.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = 'version: "1"\ndefault: allow\ntools:\n  slow: { action: require_approval }\n';

describe("The official SDK's server and client, and a tool that runs as a task only", () => {
  let server: Server;
  let house: House;
  let gateway: GatewayProcess;
  const kept = new InMemoryTaskStore();
  const transports = new Map<string, StreamableHTTPServerTransport>();

  before(async () => {
    server = createServer(async (incoming, response) => {
      let transport = transports.get(String(incoming.headers['mcp-session-id']));
      if (transport === undefined) {
        const made = new StreamableHTTPServerTransport({
          sessionIdGenerator: randomUUID,
          onsessioninitialized: (id) => void transports.set(id, made),
        });
        await sdkTaskServer(kept).connect(made);
        transport = made;
      }
      await transport.handleRequest(incoming, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const program = new URL('../../support/upstream/sdk-tasks.ts', import.meta.url).pathname;
    house = await openHouse({
      servers: {
        http: { at: `url: "http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp"`, policy: POLICY },
        stdio: { at: `command: ["${process.execPath}", "${program}"]`, policy: POLICY },
      },
      slack: false,
    });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await Promise.all([...transports.values()].map((transport) => transport.close()));
    // The task store has a timer for each of its tasks.
    kept.cleanup();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  for (const name of ['http', 'stdio'] as const) {
    test(`P9: over ${name}: called once as a task, dispatched while it runs, and done when it is done`, async () => {
      const client = new Client({ name: 'tasker', version: '1' });
      const requestInit = { headers: { authorization: `Bearer ${house.tokens.agent}` } };
      const url = new URL(`${gateway.url}/mcp/${name}`);
      await client.connect(new StreamableHTTPClientTransport(url, { requestInit }) as never);
      const { tools } = await client.listTools();
      assert.equal(tools[0]?.execution?.taskSupport, 'required');
      const file = join(house.folder, `${name}.txt`);
      const params = { name: 'slow', arguments: { file } };
      const stream = client.experimental.tasks.callToolStream(params, CallToolResultSchema, { task: { ttl: 60_000 } });
      const read = (async () => {
        for await (const message of stream) if (message.type === 'result') return JSON.stringify(message.result);
        return 'nothing';
      })();
      const { id } = await gateway.pending('slow', { file });
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ decision: 'approve' });
      assert.equal(
        (await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', body, headers })).status,
        200,
      );
      const said = (): string[] => {
        try {
          return readFileSync(file, 'utf8').trim().split('\n');
        } catch {
          return [];
        }
      };
      await eventually('the server runs it', async () => (said().length === 1 ? true : null));
      await eventually('its task is followed', async () =>
        (await gateway.events(id)).some((event) => event.type === 'call.deferred') ? true : null,
      );
      assert.equal((await gateway.approval(id)).state, 'dispatched');
      appendFileSync(file, 'go on\n');
      assert.match(await read, /slowly done/);
      assert.equal((await gateway.approval(id)).state, 'succeeded');
      assert.deepEqual(said(), ['called', 'go on']);
      await client.close();
    });
  }
});
