import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

/** The demo's own small MCP server, with the tool that this project began with. */
export interface Prometheus {
  /** `http://127.0.0.1:port/mcp`. */
  readonly url: string;
  /** Keys made so far; each stands for one call that really ran. */
  readonly keys: readonly { readonly id: string; readonly name: string }[];
  close(): Promise<void>;
}

export async function startPrometheus(): Promise<Prometheus> {
  const keys: { id: string; name: string }[] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const server = createServer((request, response) => {
    serve(request, response, sessions, keys).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/mcp`, keys, close: () => close(server, sessions) };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  sessions: Map<string, StreamableHTTPServerTransport>,
  keys: { id: string; name: string }[],
): Promise<void> {
  const id = request.headers['mcp-session-id'];
  const known = typeof id === 'string' ? sessions.get(id) : undefined;
  if (known) return known.handleRequest(request, response);
  if (id !== undefined) {
    response.writeHead(404).end();
    return;
  }
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (session) => void sessions.set(session, transport),
  });
  await tools(keys).connect(transport as never);
  await transport.handleRequest(request, response);
}

function tools(keys: { id: string; name: string }[]): McpServer {
  const server = new McpServer({ name: 'prometheus', version: '1.0.0' });
  server.registerTool(
    'query',
    {
      description: 'Evaluates a PromQL expression now.',
      inputSchema: { expr: z.string() },
      annotations: { readOnlyHint: true },
    },
    ({ expr }) => ({ content: [{ type: 'text', text: `${expr} => 3 targets up` }] }),
  );
  server.registerTool(
    'create_api_key',
    {
      description: 'Creates an API key for the metrics of this organisation.',
      inputSchema: { name: z.string(), role: z.enum(['viewer', 'editor', 'admin']) },
      annotations: { destructiveHint: false },
    },
    ({ name, role }) => {
      const key = { id: `key_${randomBytes(4).toString('hex')}`, name };
      keys.push(key);
      const secret = `pk_${randomBytes(24).toString('base64url')}`;
      return { content: [{ type: 'text', text: JSON.stringify({ ...key, role, secret }) }] };
    },
  );
  server.registerTool('delete_workspace', { description: 'Deletes everything.' }, () => ({
    content: [{ type: 'text', text: 'deleted' }],
  }));
  return server;
}

async function close(server: Server, sessions: Map<string, StreamableHTTPServerTransport>): Promise<void> {
  await Promise.allSettled([...sessions.values()].map((transport) => transport.close()));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
