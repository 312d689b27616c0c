import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isObject, type Json, type JsonObject, member } from '../../../src/domain/json/json.ts';

/** One `tools/call` that arrived. */
export interface Arrived {
  readonly tool: string;
  readonly args: JsonObject;
  readonly params: JsonObject;
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
  readonly modern: boolean;
}

export type ErasAnswer = JsonObject | { readonly error: JsonObject };

/** An MCP server of both eras (with sessions, and stateless 2026-07-28) whose own count is what tests trust. */
export interface ErasUpstream {
  readonly url: string;
  readonly calls: readonly Arrived[];
  /** Every message that arrived, as text. */
  readonly messages: readonly string[];
  /** What it lists. */
  tools: readonly JsonObject[];
  behave: (call: Arrived) => ErasAnswer | Promise<ErasAnswer>;
  count(tool: string, args?: JsonObject): number;
  forgetSessions(): void;
  close(): Promise<void>;
}

const TOOLS = ['create_key', 'read'].map((name) => ({ name, inputSchema: { type: 'object' } }));

export function saying(text: string, isError = false): JsonObject {
  return { content: [{ type: 'text', text }], ...(isError ? { isError } : {}) };
}

/** `port`: that of an earlier server, for one that comes back. */
export async function erasUpstream(port = 0): Promise<ErasUpstream> {
  const calls: Arrived[] = [];
  const messages: string[] = [];
  const sessions = new Set<string>();
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'DELETE') return void response.writeHead(200).end();
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    messages.push(text);
    const message = JSON.parse(text) as JsonObject;
    const params = (member(message, 'params') ?? {}) as JsonObject;
    const modern = member(member(params, '_meta'), 'io.modelcontextprotocol/protocolVersion') !== undefined;
    const session = request.headers['mcp-session-id'] as string | undefined;
    if (message.id === undefined) return void response.writeHead(202).end();
    if (!modern && message.method === 'initialize') {
      const id = randomUUID();
      sessions.add(id);
      response.setHeader('mcp-session-id', id);
    } else if (!modern && session !== undefined && !sessions.has(session)) {
      return void response.writeHead(404).end();
    }
    const result =
      message.method === 'tools/call'
        ? await called(params, text, request.headers, modern)
        : resultOf(message, modern, upstream.tools);
    const failed = isObject(result) && isObject(result.error);
    const whole = failed ? result : { result: modern ? { resultType: 'complete', ...(result as JsonObject) } : result };
    response.writeHead(result === null ? 404 : 200, { 'content-type': 'application/json' });
    const error = { error: { code: -32601, message: 'Method not found' } };
    response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...(result === null ? error : (whole as object)) }));
  }

  async function called(
    params: JsonObject,
    text: string,
    headers: IncomingMessage['headers'],
    modern: boolean,
  ): Promise<ErasAnswer> {
    const args = (member(params, 'arguments') ?? {}) as JsonObject;
    const call = { tool: String(params.name), args, params, text, headers, modern };
    calls.push(call);
    return upstream.behave(call);
  }

  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const upstream: ErasUpstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    calls,
    messages,
    tools: TOOLS,
    behave: () => saying('done'),
    count: (tool, args) =>
      calls.filter((call) => call.tool === tool && (args === undefined || same(call.args, args))).length,
    forgetSessions: () => sessions.clear(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return upstream;
}

function resultOf({ method }: JsonObject, modern: boolean, tools: readonly JsonObject[]): Json {
  const capabilities = { tools: {} };
  const serverInfo = { name: 'eras', version: '1' };
  if (method === 'tools/list') return { tools, ...(modern ? { ttlMs: 0, cacheScope: 'public' } : {}) };
  if (method === 'ping') return {};
  if (modern && method === 'server/discover') {
    const _meta = { 'io.modelcontextprotocol/serverInfo': serverInfo };
    return { supportedVersions: ['2026-07-28'], capabilities, ttlMs: 0, cacheScope: 'public', _meta };
  }
  return !modern && method === 'initialize' ? { protocolVersion: '2025-11-25', capabilities, serverInfo } : null;
}

function same(a: JsonObject, b: JsonObject): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}
