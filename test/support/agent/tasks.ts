import { type Json, type JsonObject, member } from '../../../src/domain/json/json.ts';

const VERSION = '2025-11-25';
const TASK = 'io.modelcontextprotocol/related-task';

/** An agent of the 2025-11-25 revision, by hand: one session that works at any gateway, and tasks as plain JSON. */
export class TaskAgent {
  /** A test may point it at another gateway. */
  url: string;
  readonly #token: string;
  #session = '';
  #lastId = 0;

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  static async open(url: string, token: string): Promise<TaskAgent> {
    const agent = new TaskAgent(url, token);
    const clientInfo = { name: 'tasks-by-hand', version: '1' };
    const params = { protocolVersion: VERSION, capabilities: {}, clientInfo };
    const response = await agent.post({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    agent.#session = response.headers.get('mcp-session-id') ?? '';
    await response.text();
    await (await agent.post({ jsonrpc: '2.0', method: 'notifications/initialized' })).text();
    return agent;
  }

  /** The answer to one request: its result, or its error under `error`. */
  async ask(method: string, params: JsonObject, signal?: AbortSignal): Promise<JsonObject> {
    for await (const message of this.messages(method, params, signal)) {
      if (message.method === undefined) return (message.result ?? { error: message.error ?? null }) as JsonObject;
    }
    throw new Error(`${method}: the stream ended without an answer`);
  }

  /** Makes a call that runs as a task; returns the task's id. */
  async task(name: string, args: JsonObject): Promise<string> {
    const result = await this.ask('tools/call', { name, arguments: args, task: { ttl: 60_000 } });
    const id = member(member(result, 'task'), 'taskId');
    if (typeof id !== 'string') throw new Error(`no task: ${JSON.stringify(result)}`);
    return id;
  }

  get(taskId: string): Promise<JsonObject> {
    return this.ask('tasks/get', { taskId });
  }

  /** Every message of the answer's stream as it arrives. */
  async *messages(method: string, params: JsonObject, signal?: AbortSignal): AsyncGenerator<JsonObject> {
    this.#lastId += 1;
    const response = await this.post({ jsonrpc: '2.0', id: this.#lastId, method, params }, signal);
    if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
      yield JSON.parse(await response.text()) as JsonObject;
      return;
    }
    let waiting = '';
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (waiting + text).split('\n');
      waiting = lines.pop()!;
      for (const line of lines) if (line.startsWith('data: {')) yield JSON.parse(line.slice(6)) as JsonObject;
    }
  }

  /** Answers the server's question, naming the task it belongs to. */
  async answer(question: JsonObject, content: JsonObject): Promise<number> {
    const related = member(member(question.params as Json, '_meta'), TASK);
    const _meta: JsonObject = related === undefined ? {} : { _meta: { [TASK]: related } };
    const result = { action: 'accept', content, ..._meta };
    const response = await this.post({ jsonrpc: '2.0', id: question.id ?? null, result });
    await response.text();
    return response.status;
  }

  post(body: JsonObject, signal?: AbortSignal): Promise<Response> {
    const session = this.#session === '' ? {} : { 'mcp-session-id': this.#session, 'mcp-protocol-version': VERSION };
    return fetch(this.url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...session,
      } as Record<string, string>,
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  }
}
