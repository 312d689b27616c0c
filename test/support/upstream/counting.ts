import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One `tools/call` that arrived. */
export interface Counted {
  readonly tool: string;
  readonly args: Record<string, unknown>;
  readonly id: unknown;
  readonly session: string | undefined;
}

/** How a call ends once it has been counted. */
export type CallEnding =
  | { readonly text: string; readonly isError?: boolean }
  /** The connection breaks without an answer. */
  | 'reset'
  /** An HTTP status and nothing else. */
  | { readonly status: number };

/** An MCP server whose own count is what tests trust: it records each call before it does anything else. */
export interface CountingUpstream {
  readonly url: string;
  readonly calls: readonly Counted[];
  /** The headers of every request, as `name: value`. */
  readonly heard: readonly string[];
  /** How calls end from now on; `{text: 'done'}` by default. */
  behave: (call: Counted) => CallEnding | Promise<CallEnding>;
  /** How often this tool was called, with these arguments if any are given. */
  count(tool: string, args?: Record<string, unknown>): number;
  /** Forgets every session: requests in them get 404 from now on. */
  forgetSessions(): void;
  /** Stops listening: connections are refused. */
  shut(): Promise<void>;
  /** Listens again, on the same port, with the same sessions. */
  open(): Promise<void>;
  close(): Promise<void>;
}

const TOOLS = ['create_key', 'read', 'charge', 'burst', 'forbidden', 'hidden', 'redacted'];

export async function countingUpstream(): Promise<CountingUpstream> {
  const calls: Counted[] = [];
  const heard: string[] = [];
  const sessions = new Set<string>();
  let server: Server | null = null;
  let port = 0;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(request.headers)) heard.push(`${name}: ${value}`);
    const session = request.headers['mcp-session-id'] as string | undefined;
    if (request.method === 'DELETE') {
      sessions.delete(session ?? '');
      return void response.writeHead(200).end();
    }
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message = JSON.parse(Buffer.concat(chunks).toString()) as Message;
    if (message.id === undefined) return void response.writeHead(202).end();
    if (message.method !== 'initialize' && session !== undefined && !sessions.has(session)) {
      return void response.writeHead(404).end();
    }
    if (message.method === 'initialize') {
      const id = randomUUID();
      sessions.add(id);
      response.setHeader('mcp-session-id', id);
    }
    if (message.method !== 'tools/call') return answer(response, message, resultOf(message));
    const { name, arguments: args = {} } = message.params as unknown as {
      name: string;
      arguments?: Record<string, unknown>;
    };
    const call: Counted = { tool: name, args, id: message.id, session };
    calls.push(call);
    const ending = await upstream.behave(call);
    if (ending === 'reset') return void response.destroy();
    if ('status' in ending) return void response.writeHead(ending.status).end();
    const { text, isError } = ending;
    const modern = message.params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined;
    const complete = modern ? { resultType: 'complete' } : {};
    answer(response, message, { ...complete, content: [{ type: 'text', text }], ...(isError ? { isError } : {}) });
  }

  async function open(): Promise<void> {
    const opening = createServer((request, response) => {
      serve(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve, reject) => opening.once('error', reject).listen(port, '127.0.0.1', resolve));
    port = (opening.address() as AddressInfo).port;
    server = opening;
  }

  async function shut(): Promise<void> {
    const closing = server;
    server = null;
    closing?.closeAllConnections();
    await new Promise((resolve) => (closing === null ? resolve(null) : closing.close(resolve)));
  }

  const upstream: CountingUpstream = {
    get url() {
      return `http://127.0.0.1:${port}/mcp`;
    },
    calls,
    heard,
    behave: () => ({ text: 'done' }),
    count: (tool, args) =>
      calls.filter((call) => call.tool === tool && (args === undefined || same(call.args, args))).length,
    forgetSessions: () => sessions.clear(),
    open,
    shut,
    close: shut,
  };
  await open();
  return upstream;
}

interface Message {
  readonly id?: unknown;
  readonly method: string;
  readonly params?: { readonly _meta?: { readonly [name: string]: unknown } };
}

function answer(response: ServerResponse, message: Message, result: object): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
}

function resultOf({ method }: Message): object {
  if (method === 'initialize') {
    const serverInfo = { name: 'counting', version: '1' };
    return { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo };
  }
  if (method === 'tools/list') {
    return { tools: TOOLS.map((name) => ({ name, inputSchema: { type: 'object' } })) };
  }
  return {};
}

function same(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}
