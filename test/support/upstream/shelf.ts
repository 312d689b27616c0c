import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isObject, type Json, type JsonObject, member } from '../../../src/domain/json/json.ts';

/** An MCP server of both eras full of resources and prompts. It does whatever it is asked, and remembers all of it. */
export interface Shelf {
  readonly url: string;
  /** Every message that arrived, batches taken apart. */
  readonly received: JsonObject[];
  /** How many messages of this method arrived. */
  count(method: string): number;
  /** How it answers: as JSON, as a stream of events, or as something that is neither. */
  answer: 'json' | 'sse' | 'bom' | 'packed';
  close(): Promise<void>;
}

const URIS = ['file:///srv/a.txt', 'file:///srv/Private/b', 'file:///etc/passwd', 'file:///srv/c.txt'];

/** The answers to lists, as text with spaces of their own, so that a change of bytes shows. */
export const LISTS: Readonly<Record<string, string>> = {
  'tools/list': '{ "tools":[ {"name":"echo","inputSchema":{"type":"object"}} ] }',
  'resources/list': `{ "resources":[ ${URIS.map((uri) => `{"uri" : "${uri}", "name":"n"}`).join(' , ')} ] , "x":1}`,
  'resources/templates/list':
    '{"resourceTemplates":[{"uriTemplate":"file:///etc/{name}","name":"t"},{"uriTemplate":"file:///srv/{name}","name":"u"}]}',
  'prompts/list': '{"prompts":[{"name":"greet"},{"name":"admin_reset"}]}',
};

export async function shelf(): Promise<Shelf> {
  const received: JsonObject[] = [];
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'DELETE') return void response.writeHead(200).end();
    if (request.method === 'GET') {
      const listed = `{"jsonrpc":"2.0","id":7,"result":${LISTS['resources/list']}}`;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return void response.end(`id: 1\ndata: ${listed}\n\n`);
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Json;
    const messages = (Array.isArray(body) ? body : [body]) as JsonObject[];
    received.push(...messages);
    if (messages.some((message) => message.method === 'initialize')) response.setHeader('mcp-session-id', randomUUID());
    const answers = messages
      .filter((message) => message.id !== undefined && message.method !== undefined)
      .map(answerTo);
    if (answers.length === 0) return void response.writeHead(202).end();
    const text = Array.isArray(body) ? `[${answers.join(',')}]` : answers[0]!;
    if (self.answer === 'sse') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return void response.end(`event: message\ndata: ${text}\n\n`);
    }
    const packed = self.answer === 'packed' ? { 'content-encoding': 'gzip' } : {};
    response.writeHead(200, { 'content-type': 'application/json', ...packed });
    response.end(self.answer === 'bom' ? `\ufeff${text}` : text);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: Shelf = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    received,
    count: (method) => received.filter((message) => message.method === method).length,
    answer: 'json',
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return self;
}

function answerTo(message: JsonObject): string {
  const method = String(message.method);
  const id = JSON.stringify(message.id);
  return `{"jsonrpc":"2.0","id":${id},"result":${LISTS[method] ?? resultOf(method, message)}}`;
}

function resultOf(method: string, message: JsonObject): string {
  if (method !== 'initialize') return JSON.stringify({ resultType: 'complete', did: method });
  const params = member(message, 'params');
  const protocolVersion = isObject(params) ? (member(params, 'protocolVersion') ?? '2025-11-25') : '2025-11-25';
  const capabilities = { tools: {}, resources: { subscribe: true }, prompts: {}, completions: {} };
  return JSON.stringify({ protocolVersion, capabilities, serverInfo: { name: 'shelf', version: '1' } });
}
