import type { JsonObject } from '../../../src/domain/json/json.ts';

export const TASKS = 'io.modelcontextprotocol/tasks';
export const WITH_TASKS: JsonObject = { extensions: { [TASKS]: {} } };

export interface ModernAnswer {
  readonly status: number;
  readonly result?: JsonObject;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: JsonObject };
  /** The stream's comments, if the answer was a stream. */
  readonly comments: readonly string[];
  readonly notifications: readonly { readonly method: string; readonly params: JsonObject }[];
}

/** An agent of the 2026-07-28 revision, by hand: each request carries its envelope and headers. */
export class ModernAgent {
  url: string;
  readonly #token: string;
  readonly #capabilities: JsonObject;
  #lastId = 0;

  constructor(url: string, token: string, capabilities: JsonObject = {}) {
    this.url = url;
    this.#token = token;
    this.#capabilities = capabilities;
  }

  async send(
    method: string,
    params: JsonObject,
    more: { headers?: Record<string, string>; meta?: JsonObject; signal?: AbortSignal } = {},
  ): Promise<ModernAnswer> {
    const response = await this.open(method, params, more);
    return readModern(response);
  }

  open(
    method: string,
    params: JsonObject,
    more: { headers?: Record<string, string>; meta?: JsonObject; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': this.#capabilities,
      'io.modelcontextprotocol/clientInfo': { name: 'modern-agent', version: '1' },
      ...more.meta,
    };
    this.#lastId += 1;
    const named = params.name ?? params.taskId;
    return fetch(this.url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        ...(named === undefined ? {} : { 'mcp-name': String(named) }),
        ...more.headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: this.#lastId, method, params: { ...params, _meta } }),
      ...(more.signal ? { signal: more.signal } : {}),
    });
  }

  call(name: string, args: JsonObject, more: JsonObject = {}): Promise<ModernAnswer> {
    return this.send('tools/call', { name, arguments: args, ...more });
  }
}

export async function readModern(response: Response): Promise<ModernAnswer> {
  const { status } = response;
  const text = await response.text();
  const comments = text.split('\n').filter((line) => line.startsWith(':'));
  const streamed = (response.headers.get('content-type') ?? '').startsWith('text/event-stream');
  const messages = (streamed ? dataOf(text) : [text]).map((data) => JSON.parse(data) as JsonObject);
  const answer = messages.find((message) => message.method === undefined) ?? {};
  const notifications = messages.filter((message) => message.method !== undefined) as never;
  return { status, comments, notifications, ...(answer as Pick<ModernAnswer, 'result' | 'error'>) };
}

function dataOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data:') && line.length > 6)
    .map((line) => line.slice(5));
}

/** The text of a tool result. */
export function modernText(answer: ModernAnswer): string {
  const content = (answer.result?.content ?? []) as readonly { text?: string }[];
  return content.map((part) => part.text ?? '').join('\n');
}
