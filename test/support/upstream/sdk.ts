import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

export interface SdkUpstream extends AsyncDisposable {
  readonly url: string;
  /** How many sessions are open. */
  sessions(): number;
}

/** The official SDK's server over streamable HTTP, with sessions and event streams, with the tools of `make`. */
export async function sdkUpstream(make: () => McpServer = toolServer): Promise<SdkUpstream> {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const server = createServer(async (incoming, response) => {
    const known = transports.get(String(incoming.headers['mcp-session-id']));
    await (known ?? (await newSession(transports, make))).handleRequest(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    sessions: () => transports.size,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...transports.values()].map((transport) => transport.close()));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** How often `slow` ran with these words, in this process, in whatever session. */
const SLOW = new Map<string, number>();

async function newSession(transports: Map<string, StreamableHTTPServerTransport>, make: () => McpServer) {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void transports.set(id, transport),
    onsessionclosed: (id) => void transports.delete(id),
  });
  await make().connect(transport);
  return transport;
}

/**
 * Its tools, over whatever transport. `slow` takes `ms` and says how often it ran. `ask`, `sample` and `roots` ask on the call's stream, `ask_apart` on the server's
 * own.
 */
export function toolServer(): McpServer {
  const mcp = new McpServer({ name: 'sdk', version: '1' });
  const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] });
  mcp.registerTool('echo', { inputSchema: { said: z.string() } }, async ({ said }) => text(said));
  const slow = { said: z.string(), ms: z.number() };
  mcp.registerTool('slow', { inputSchema: slow }, async ({ said, ms }) => {
    const nth = (SLOW.get(said) ?? 0) + 1;
    SLOW.set(said, nth);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return text(`${said} ran ${nth}`);
  });
  mcp.registerTool('drop', {}, async () => text('dropped'));
  mcp.registerTool('ask', { inputSchema: { question: z.string() } }, async ({ question }, extra) => {
    const progressToken = extra._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [1, 2]) {
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken: progressToken!, progress },
      });
    }
    const asked = await mcp.server.elicitInput(
      { message: question, requestedSchema: { type: 'object', properties: { sure: { type: 'boolean' } } } },
      { relatedRequestId: extra.requestId },
    );
    return text(JSON.stringify(asked));
  });
  mcp.registerTool('ask_apart', { inputSchema: { question: z.string() } }, async ({ question }) => {
    const asked = await mcp.server.elicitInput({
      message: question,
      requestedSchema: { type: 'object', properties: { sure: { type: 'boolean' } } },
    });
    return text(JSON.stringify(asked));
  });
  const inputSchema = { question: z.string() };
  mcp.registerTool('sample', { inputSchema }, async ({ question }, { requestId }) => {
    const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: question } }];
    const options = { relatedRequestId: requestId };
    return text(JSON.stringify(await mcp.server.createMessage({ messages, maxTokens: 100 }, options)));
  });
  mcp.registerTool('roots', { inputSchema }, async (_, { requestId }) =>
    text(JSON.stringify(await mcp.server.listRoots({}, { relatedRequestId: requestId }))),
  );
  return mcp;
}
