import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Day, DayCall } from './day.ts';

/** What reached a server. */
export type Ran = Pick<DayCall, 'server' | 'tool' | 'arguments'>;

export interface DayServers {
  readonly urls: ReadonlyMap<string, string>;
  /** In the order in which it ran; each is recorded before it is answered. */
  readonly ran: readonly Ran[];
  close(): Promise<void>;
}

/** The day's MCP servers, each the official SDK's, at a path of its own. They do nothing but count. */
export async function startServers(day: Day): Promise<DayServers> {
  const tools = toolsOf(day);
  const ran: Ran[] = [];
  const transports = new Map<string, StreamableHTTPServerTransport>();
  async function newSession(name: string): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void transports.set(id, transport),
      onsessionclosed: (id) => void transports.delete(id),
    });
    await mcpServer(name, tools.get(name) ?? [], ran).connect(transport as never);
    return transport;
  }
  const http = createServer(async (request, response) => {
    const name = (request.url ?? '').split('/')[1] ?? '';
    if (!tools.has(name)) return void response.writeHead(404).end();
    const known = transports.get(String(request.headers['mcp-session-id']));
    await (known ?? (await newSession(name))).handleRequest(request, response);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    urls: new Map([...tools.keys()].map((name) => [name, `http://127.0.0.1:${port}/${name}/mcp`])),
    ran,
    close: async () => {
      await Promise.all([...transports.values()].map((transport) => transport.close()));
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

interface ListedTool {
  readonly name: string;
  readonly inputSchema: {
    readonly type: 'object';
    readonly properties: Record<string, object>;
    readonly required: string[];
  };
}

function toolsOf({ calls }: Day): Map<string, ListedTool[]> {
  const servers = new Map<string, ListedTool[]>();
  for (const call of calls) {
    const tools = servers.get(call.server) ?? [];
    servers.set(call.server, tools);
    if (tools.some(({ name }) => name === call.tool)) continue;
    const args = Object.entries(call.arguments);
    const properties = Object.fromEntries(args.map(([name, value]) => [name, { type: typeof value }]));
    tools.push({
      name: call.tool,
      inputSchema: { type: 'object', properties, required: args.map(([name]) => name) },
    });
  }
  return servers;
}

function mcpServer(name: string, tools: readonly ListedTool[], ran: Ran[]): Server {
  const server = new Server({ name, version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools: [...tools] }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    ran.push({ server: name, tool: params.name, arguments: (params.arguments ?? {}) as Ran['arguments'] });
    return { content: [{ type: 'text', text: `${name}.${params.name} ran` }] };
  });
  return server;
}
