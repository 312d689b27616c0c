/** A server whose answers are as large as a hostile one can make them, chosen by the tool's name. */
import { createServer, type ServerResponse } from 'node:http';
import { getPriority, setPriority } from 'node:os';

setPriority(Math.min(19, getPriority() + 19));

const MB = 1024 * 1024;
type Message = {
  id: number;
  method: string;
  params?: { name?: string; protocolVersion?: string; inputResponses?: unknown; cursor?: string };
};

const text = (id: number, value: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: value }] } });
const question = (id: string, length: number): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'elicitation/create',
    params: { message: 'x'.repeat(length), requestedSchema: { type: 'object', properties: {} } },
  });
const inputRequired = (id: number, message: string): string =>
  `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"input_required","requestState":"s","inputRequests":{"a":{"method":"elicitation/create","params":{"message":${message}}}}}}`;
const event = (data: string): string => `event: message\ndata: ${data}\n\n`;

const ANSWERS: Readonly<
  Record<string, (id: number) => { readonly stream: boolean; readonly parts: readonly string[] }>
> = {
  whole_20mb: (id) => ({ stream: false, parts: [text(id, 'x'.repeat(20 * MB))] }),
  whole_3mb: (id) => ({ stream: false, parts: [text(id, 'x'.repeat(3 * MB))] }),
  members_20mb: (id) => ({
    stream: false,
    parts: [
      `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{${Array.from({ length: 1_200_000 }, (_, i) => `"member${i}":${i}`).join()}}}}`,
    ],
  }),
  event_30mb: (id) => ({ stream: true, parts: [event(text(id, 'x'.repeat(30 * MB)))] }),
  many_events: (id) => ({
    stream: true,
    parts: [
      ...Array.from({ length: 100_000 }, (_, i) =>
        event(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":${i}}}`),
      ),
      event(text(id, 'done')),
    ],
  }),
  asks_3mb: (id) => ({ stream: true, parts: [event(question('q1', 3 * MB)), event(text(id, 'done'))] }),
  asks_30mb: (id) => ({ stream: true, parts: [event(question('q1', 30 * MB)), event(text(id, 'done'))] }),
  asks_often: (id) => ({
    stream: true,
    parts: [...Array.from({ length: 1_000 }, (_, i) => event(question(`q${i}`, 10))), event(text(id, 'done'))],
  }),
  input_3mb: (id) => ({ stream: false, parts: [inputRequired(id, JSON.stringify('x'.repeat(3 * MB)))] }),
  input_members: (id) => ({
    stream: false,
    parts: [inputRequired(id, `{${Array.from({ length: 200_000 }, (_, i) => `"m${i}":1`).join()}}`)],
  }),
  number_60mb: (id) => ({
    stream: false,
    parts: [`{"jsonrpc":"2.0","id":${id},"result":{"content":[],"x":${'7'.repeat(60 * MB)}}}`],
  }),
  many_lines: (id) => ({ stream: true, parts: [`${'data:\n'.repeat(2 * MB)}data: ${text(id, 'done')}\n\n`] }),
};

function toolList(id: number): string {
  const tools = Array.from({ length: 50_000 }, (_, i) => ({
    name: `tool_${i}`,
    description: 'd'.repeat(80),
    inputSchema: { type: 'object', properties: { a: { type: 'string' } } },
  }));
  return JSON.stringify({ jsonrpc: '2.0', id, result: { tools } });
}
const list = toolList(0).slice(0, -1);
/** The page of one tool that a cursor leads to. */
const longTool = (id: number): string =>
  `{"jsonrpc":"2.0","id":${id},"result":{"tools":[{"name":"long","inputSchema":{${Array.from({ length: 1_200_000 }, (_, i) => `"member${i}":${i}`).join()}}}]}}`;

function answer(message: Message, response: ServerResponse): unknown {
  const json = (body: string) => response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  if (message.id === undefined) return response.writeHead(202).end();
  if (message.method === 'initialize') {
    const result = {
      protocolVersion: message.params?.protocolVersion ?? '2025-03-26',
      capabilities: { tools: {}, tasks: { list: {}, cancel: {} } },
      serverInfo: { name: 'up', version: '1' },
    };
    response.setHeader('mcp-session-id', crypto.randomUUID());
    return json(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
  }
  if (message.method === 'tools/list' && message.params?.cursor === 'long') return json(longTool(message.id));
  if (message.method === 'tools/list') return json(list.replace('"id":0', `"id":${message.id}`).concat('}'));
  const results: Record<string, () => object> = {
    'tasks/list': () => ({
      tasks: Array.from({ length: 20_000 }, (_, i) => ({
        taskId: `t${i}`,
        status: 'working',
        statusMessage: 'x'.repeat(100),
      })),
    }),
    'tasks/get': () => ({ taskId: 'one', status: 'working', statusMessage: 'x'.repeat(20 * MB) }),
    'resources/read': () => ({ contents: [{ uri: 'file:///a', text: 'x'.repeat(20 * MB) }] }),
  };
  const result = results[message.method];
  if (result !== undefined) return json(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: result() }));
  const made = ANSWERS[(message.params?.name ?? '').replace('gated_', '')]?.(message.id);
  if (made === undefined) return json(text(message.id, 'ok'.repeat(50)));
  response.writeHead(200, { 'content-type': made.stream ? 'text/event-stream' : 'application/json' });
  const parts = [...made.parts];
  const more = (): unknown => {
    while (parts.length > 0) if (!response.write(parts.splice(0, 500).join(''))) return response.once('drain', more);
    return response.end();
  };
  return more();
}

const server = createServer((request, response): unknown => {
  if (request.method !== 'POST') return response.writeHead(405).end();
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const message = JSON.parse(Buffer.concat(chunks).toString()) as Message | Message[];
    if (Array.isArray(message)) response.writeHead(202).end();
    else answer(message, response);
  });
  return request;
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${(server.address() as { port: number }).port}\n`));
