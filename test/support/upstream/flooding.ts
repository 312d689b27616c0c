import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../../src/domain/json/json.ts';

/** An MCP server that sends a great deal before it answers a call. */
export interface FloodingUpstream {
  readonly url: string;
  readonly calls: number;
  /** Bytes it has sent ahead of its answers; it stops while nobody reads them. */
  readonly sent: number;
  close(): Promise<void>;
}

/** `bytes`: how much it sends before each answer, in events of about 64 KiB. */
export async function floodingUpstream(bytes: number): Promise<FloodingUpstream> {
  const progress = {
    jsonrpc: '2.0',
    method: 'notifications/message',
    params: { level: 'info', data: 'x'.repeat(65_000) },
  };
  const event = `event: message\ndata: ${JSON.stringify(progress)}\n\n`;
  const counts = { calls: 0, said: 0 };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { id, method } = JSON.parse(Buffer.concat(chunks).toString()) as JsonObject;
    if (id === undefined) return void response.writeHead(202).end();
    if (method !== 'tools/call') {
      const serverInfo = { name: 'flood', version: '1' };
      const result = { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo };
      response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'flood' });
      return void response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    }
    counts.calls += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let said = 0; said < bytes; said += event.length) {
      counts.said += event.length;
      if (!response.write(event)) await new Promise((resolve) => response.once('drain', resolve));
    }
    const result = { content: [{ type: 'text', text: 'after the flood' }] };
    response.end(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    get calls() {
      return counts.calls;
    },
    get sent() {
      return counts.said;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
