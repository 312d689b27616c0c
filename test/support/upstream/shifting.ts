/**
 * An MCP server that reads its tools from a file at every `tools/list`, two per page: `node shifting.ts FILE` over
 * stdio, or `shiftingUpstream(FILE)` over HTTP. Calls are answered with the tool's name.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';

interface Rpc {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: { readonly cursor?: string; readonly name?: string; readonly protocolVersion?: string };
}

const PAGE = 2;

function answer(file: string, { method, params }: Rpc): object {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params?.protocolVersion ?? '2025-06-18',
        capabilities: { tools: {} },
        serverInfo: { name: 'shifting', version: '1.2.3' },
      };
    case 'tools/list': {
      const tools = JSON.parse(readFileSync(file, 'utf8')) as unknown[];
      const start = Number(params?.cursor ?? 0);
      const more = start + PAGE < tools.length;
      return { tools: tools.slice(start, start + PAGE), ...(more ? { nextCursor: String(start + PAGE) } : {}) };
    }
    default:
      return { content: [{ type: 'text', text: `called ${params?.name}` }] };
  }
}

function replyTo(file: string, text: string): string | null {
  const message = JSON.parse(text) as Rpc;
  if (message.id === undefined) return null;
  return JSON.stringify({ jsonrpc: '2.0', id: message.id, result: answer(file, message) });
}

export async function shiftingUpstream(
  file: string,
): Promise<{ readonly url: string; readonly seen: readonly string[]; close(): Promise<void> }> {
  const seen: string[] = [];
  const server = createServer((incoming, response) => {
    seen.push(String(incoming.headers.authorization));
    let body = '';
    incoming.on('data', (chunk) => {
      body += chunk;
    });
    incoming.on('end', () => {
      if (incoming.url === '/away') return void response.writeHead(307, { location: '/mcp' }).end();
      if (incoming.method !== 'POST') return void response.writeHead(405).end();
      const reply = replyTo(file, body);
      if (reply === null) return void response.writeHead(202).end();
      response.writeHead(200, { 'content-type': 'application/json' }).end(reply);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const file = process.argv[2];
if (process.argv[1] === import.meta.filename && file !== undefined) {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const reply = replyTo(file, line);
    if (reply !== null) process.stdout.write(`${reply}\n`);
  });
}
