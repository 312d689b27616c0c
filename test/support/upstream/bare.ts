import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Json, type JsonObject, member } from '../../../src/domain/json/json.ts';

/** A legacy MCP server that keeps no sessions: an answer finds its question by its id alone. */
export interface BareUpstream {
  readonly url: string;
  /** Every answer that arrived, by the id that it names. */
  readonly answers: readonly (readonly [Json, Json])[];
  close(): Promise<void>;
}

/** Every tool asks `args.question` on its call's stream, or what `args.pad` makes of it, and ends with the answer. */
export async function bareUpstream(): Promise<BareUpstream> {
  const answers: [Json, Json][] = [];
  const asked = new Map<Json, (answer: Json) => void>();
  let lastId = 100;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message = JSON.parse(Buffer.concat(chunks).toString()) as JsonObject;
    const { id, method } = message;
    if (method === undefined) {
      const said = message.result ?? message.error ?? null;
      answers.push([id!, said]);
      asked.get(id!)?.(said);
      return void response.writeHead(202).end();
    }
    if (id === undefined) return void response.writeHead(202).end();
    if (method !== 'tools/call') {
      const serverInfo = { name: 'bare', version: '1' };
      const result = method === 'initialize' ? { protocolVersion: '2025-06-18', capabilities: {}, serverInfo } : {};
      response.writeHead(200, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const say = (body: object): void => void response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...body })}\n\n`);
    lastId += 1;
    const question = lastId;
    const said = new Promise<Json>((resolve) => void asked.set(question, resolve));
    const args = member(message.params!, 'arguments') as JsonObject;
    const text = String(args.question).padEnd(Number(args.pad ?? 0), '.');
    say({ id: question, method: 'elicitation/create', params: { message: text } });
    say({ id, result: { content: [{ type: 'text', text: JSON.stringify(await said) }] } });
    response.end();
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    answers,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
