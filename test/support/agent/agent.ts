import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** What a tool call came back with. */
export interface ToolAnswer {
  readonly isError?: boolean;
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly _meta?: { readonly 'holdfast/approval'?: ApprovalNote };
}

/** `_meta["holdfast/approval"]`. */
export interface ApprovalNote {
  readonly id: string;
  readonly state: string;
  readonly expiresAt: string;
  readonly joined?: boolean;
  readonly retryAfter?: number;
}

/** The SDK's own client, as any agent would use it. */
export async function sdkClient(url: string, token: string): Promise<Client> {
  const client = new Client({ name: 'test-agent', version: '1' });
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }) as never);
  return client;
}

export async function callTool(client: Client, name: string, args: Record<string, unknown>): Promise<ToolAnswer> {
  return (await client.callTool({ name, arguments: args })) as ToolAnswer;
}

export function textOf(answer: ToolAnswer): string {
  return answer.content.map((part) => part.text ?? '').join('\n');
}

export function noteOf(answer: ToolAnswer): ApprovalNote {
  const note = answer._meta?.['holdfast/approval'];
  if (note === undefined) throw new Error(`no approval in ${JSON.stringify(answer)}`);
  return note;
}

/** One POST request whose answer may take long. */
export interface Sent {
  readonly id: number | string;
  /** Resolves with the result; rejects when the connection ended without one. */
  readonly answer: Promise<ToolAnswer>;
  /** The stream's comments so far: lines that begin with a colon. */
  readonly comments: readonly string[];
  /** Notifications that arrived before the answer. */
  readonly notifications: readonly { readonly method: string; readonly params: unknown }[];
  /** All messages that arrived before the answer. */
  readonly messages: readonly { readonly id?: unknown; readonly method: string }[];
  /** Closes the connection. */
  disconnect(): void;
}

export interface CallOptions {
  readonly id?: number | string;
  readonly accept?: string;
  readonly meta?: Record<string, unknown>;
}

/** JSON-RPC by hand, so that a test can do what the SDK's client hides. */
export class Agent {
  /** A test may point it at another gateway. */
  url: string;
  session: string | null = null;
  readonly #token: string;
  readonly #version: string;
  #lastId = 0;

  constructor(url: string, token: string, version = '2025-06-18') {
    this.url = url;
    this.#token = token;
    this.#version = version;
  }

  /** Initializes a session. */
  static async open(url: string, token: string, version?: string): Promise<Agent> {
    const agent = new Agent(url, token, version);
    const response = await agent.post({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: agent.#version, capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
    });
    if (response.status !== 200) throw new Error(`initialize: ${response.status} ${await response.text()}`);
    await response.text();
    agent.session = response.headers.get('mcp-session-id');
    await (await agent.post({ jsonrpc: '2.0', method: 'notifications/initialized' })).text();
    return agent;
  }

  call(name: string, args: Record<string, unknown>, options: CallOptions = {}): Sent {
    this.#lastId += 1;
    const id = options.id ?? this.#lastId;
    const meta = options.meta === undefined ? {} : { _meta: options.meta };
    const abort = new AbortController();
    const comments: string[] = [];
    const notifications: Notifications = [];
    const message = { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, ...meta } };
    const answer = this.post(message, { signal: abort.signal, accept: options.accept }).then((response) =>
      read(response, comments, notifications),
    );
    // A test that disconnects may never await the answer.
    answer.catch(() => undefined);
    return { id, answer, comments, notifications, messages: notifications, disconnect: () => abort.abort() };
  }

  async cancel(requestId: number | string, reason?: string): Promise<number> {
    const params = { requestId, ...(reason === undefined ? {} : { reason }) };
    const response = await this.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
    await response.text();
    return response.status;
  }

  /** DELETE: ends the session. */
  async end(): Promise<number> {
    const response = await fetch(this.url, { method: 'DELETE', headers: this.#headers() });
    await response.text();
    return response.status;
  }

  /** GET: resumes the stream after this event. */
  resume(lastEventId: string, signal?: AbortSignal): Promise<Response> {
    const headers = { ...this.#headers(), accept: 'text/event-stream', 'last-event-id': lastEventId };
    return fetch(this.url, { headers, ...(signal ? { signal } : {}) });
  }

  post(
    body: object | string,
    more: { signal?: AbortSignal; accept?: string | undefined; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    return fetch(this.url, {
      method: 'POST',
      headers: { ...this.#headers(), ...(more.accept ? { accept: more.accept } : {}), ...more.headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(more.signal ? { signal: more.signal } : {}),
    });
  }

  #headers(): Record<string, string> {
    return {
      authorization: `Bearer ${this.#token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(this.session === null ? {} : { 'mcp-session-id': this.session, 'mcp-protocol-version': this.#version }),
    };
  }
}

type Notifications = { id?: unknown; method: string; params: unknown }[];

async function read(response: Response, comments: string[], notifications: Notifications): Promise<ToolAnswer> {
  if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
    return resultIn(response, await response.text());
  }
  let waiting = '';
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const parts = (waiting + text).split('\n\n');
    waiting = parts.pop()!;
    for (const part of parts) {
      for (const line of part.split('\n')) {
        if (line.startsWith(':')) comments.push(line);
        if (!line.startsWith('data:')) continue;
        const message = JSON.parse(line.slice(5)) as { id?: unknown; method?: string; params?: unknown };
        const { method, params } = message;
        if (method === undefined) return resultIn(response, line.slice(5));
        notifications.push({ ...('id' in message ? { id: message.id } : {}), method, params });
      }
    }
  }
  throw new Error(
    `the stream ended without an answer: ${waiting} ${comments.join(' ')} ${JSON.stringify(notifications)}`,
  );
}

function resultIn(response: Response, text: string): ToolAnswer {
  const message = (text === '' ? {} : JSON.parse(text)) as { result?: ToolAnswer };
  if (message.result === undefined) throw new Error(`${response.status} ${text}`);
  return message.result;
}
