import type { JsonObject } from '../../../src/domain/json/json.ts';
import { open, readUntil, wire } from './wire.ts';

/** A `tools/call` in its own bytes. */
export interface RawCall {
  /** `params` as JSON text, an object. */
  readonly text: string;
  /** Members of `params._meta`, as JSON text without braces. */
  readonly meta?: string;
  /** As JSON text. */
  readonly progressToken?: string;
  /** The value of `jsonrpc`, as JSON text; `"2.0"` when absent. */
  readonly jsonrpc?: string;
  /** As JSON text; the next number when absent. */
  readonly id?: string;
  /** Further members of the envelope, as JSON text without braces. */
  readonly envelope?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Hangs up. */
  readonly signal?: AbortSignal;
  /** Reads only until the answer holds this text, and leaves the connection open. */
  readonly untilText?: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

/** An agent that chooses every byte itself, in either era. */
export class RawAgent {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #meta: string | null;
  #lastId = 0;

  private constructor(url: string, headers: Readonly<Record<string, string>>, meta: string | null) {
    this.#url = url;
    this.#headers = headers;
    this.#meta = meta;
  }

  static async open(
    url: string,
    token: string,
    {
      modern,
      revision = '2025-06-18',
      capabilities = {},
    }: { modern: boolean; revision?: string; capabilities?: JsonObject },
  ): Promise<RawAgent> {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    if (modern) {
      const own = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' };
      const meta = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': capabilities,
      };
      return new RawAgent(url, { ...headers, ...own }, JSON.stringify(meta).slice(1, -1));
    }
    const params = { protocolVersion: revision, capabilities, clientInfo: { name: 'raw', version: '1' } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 'init', method: 'initialize', params });
    const answer = await wire({ url, headers, body });
    const session = String(answer.headers['mcp-session-id']);
    return new RawAgent(url, { ...headers, 'mcp-session-id': session, 'mcp-protocol-version': revision }, null);
  }

  async call(call: RawCall): Promise<RawAnswer> {
    this.#lastId += 1;
    const token = call.progressToken === undefined ? null : `"progressToken":${call.progressToken}`;
    const meta = [this.#meta, call.meta ?? null, token].filter((part) => part !== null && part !== '').join(',');
    const params = meta === '' ? call.text : `${call.text.slice(0, -1)},"_meta":{${meta}}}`;
    const more = call.envelope === undefined ? '' : `,${call.envelope}`;
    const body = `{"jsonrpc":${call.jsonrpc ?? '"2.0"'},"id":${call.id ?? this.#lastId},"method":"tools/call","params":${params}${more}}`;
    const named = this.#meta === null ? {} : { 'mcp-name': String((JSON.parse(call.text) as JsonObject).name) };
    const { incoming, hangUp } = await open({
      url: this.#url,
      headers: { ...this.#headers, ...named, ...call.headers },
      body,
    });
    call.signal?.addEventListener('abort', hangUp, { once: true });
    const text = await readUntil(incoming, (so) => call.untilText !== undefined && so.includes(call.untilText));
    return { status: incoming.statusCode ?? 0, text };
  }

  /** Fetches the rest of a stream that broke off. */
  resume(eventId: string, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
    const { 'content-type': _, ...own } = this.#headers;
    return wire({ url: this.#url, method: 'GET', headers: { ...own, 'last-event-id': eventId, ...headers } });
  }
}

/** The JSON-RPC messages in an answer, whether it is a stream or not. */
export function messagesIn(text: string): JsonObject[] {
  if (text.startsWith('{')) return [JSON.parse(text) as JsonObject];
  const data = text.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  return data
    .map((line) => line.slice(5).trim())
    .filter(Boolean)
    .map((json) => JSON.parse(json) as JsonObject);
}
