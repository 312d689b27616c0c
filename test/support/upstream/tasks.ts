import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isObject, type Json, type JsonObject, member } from '../../../src/domain/json/json.ts';

/** One task that runs on the server itself. */
export interface UpstreamTask {
  readonly id: string;
  readonly args: JsonObject;
  status: string;
  result: JsonObject | null;
  /** Open `tasks/result` streams. */
  readonly streams: Set<ServerResponse>;
  /** Questions it could not send yet, because no stream was open. */
  readonly questions: JsonObject[];
  /** What it was answered with `tasks/update`, as the server read it. */
  readonly updates: JsonObject[];
}

/** An MCP server of both eras that runs its tools as tasks and asks its agents questions; a test decides when. */
export interface TaskUpstream {
  readonly url: string;
  readonly tasks: readonly UpstreamTask[];
  /** Methods of the requests that arrived, in order, without `initialize` and `tools/list`. */
  readonly methods: readonly string[];
  /** How many `tools/call` arrived for this tool with this `name` argument. */
  count(tool: string, name: string): number;
  /** The task of the call with this `name` argument; null until there is one. */
  task(name: string): UpstreamTask | null;
  end(task: UpstreamTask, text: string, status?: 'completed' | 'failed'): void;
  /** Asks the agent of this task, or of the plain call of this name; resolves with its answer. */
  ask(of: UpstreamTask | string): Promise<JsonObject>;
  /** Whether the plain call of this name is waiting. */
  waits(name: string): boolean;
  /** Answers the plain call of this name. */
  answer(name: string, text: string): void;
  /** As after a restart: tasks and sessions are gone. */
  forget(): void;
  /** Answers the next requests of this method with these, in order: an HTTP status or a JSON-RPC error each. */
  refuse(method: string, ...answers: readonly (number | JsonObject)[]): void;
  /** How many of these refusals are still to come. */
  refusals(): number;
  close(): Promise<void>;
}

const POLL_MS = 300;
const RELATED = 'io.modelcontextprotocol/related-task';
/** `must` runs only as a task, `may` with or without one, `asks` never as one. */
const TOOLS: readonly JsonObject[] = [
  { name: 'must', inputSchema: { type: 'object' }, execution: { taskSupport: 'required' } },
  { name: 'may', inputSchema: { type: 'object' }, execution: { taskSupport: 'optional' } },
  { name: 'asks', inputSchema: { type: 'object' } },
];

/** What a modern task asks while its status is `input_required`, as long as its argument `pad` makes it. */
const asks = (pad = 0): JsonObject => ({
  sure: { method: 'elicitation/create', params: { message: 'Delete them all?'.padEnd(pad, '.') } },
});

interface Calling {
  readonly response: ServerResponse;
  readonly id: Json;
}

export async function taskUpstream(): Promise<TaskUpstream> {
  const sessions = new Set<string>();
  const tasks: UpstreamTask[] = [];
  const calls: { tool: string; args: JsonObject }[] = [];
  const methods: string[] = [];
  const waiting = new Map<string, Calling>();
  const asked = new Map<string, (answer: JsonObject) => void>();
  const refusals: { readonly method: string; readonly answer: number | JsonObject }[] = [];

  const say = (response: ServerResponse, message: JsonObject): void => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
  };
  const json = (response: ServerResponse, id: Json, rest: JsonObject): void => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...rest }));
  };
  const shown = (task: UpstreamTask, modern: boolean): JsonObject => {
    const at = new Date(0).toISOString();
    const ttl: JsonObject = modern
      ? { ttlMs: 60_000, pollIntervalMs: POLL_MS }
      : { ttl: 60_000, pollInterval: POLL_MS };
    return { taskId: task.id, status: task.status, createdAt: at, lastUpdatedAt: at, ...ttl };
  };
  const finish = (task: UpstreamTask): void => {
    for (const response of task.streams) {
      const id = (response as ServerResponse & { rpcId?: Json }).rpcId ?? null;
      say(response, { id, result: { ...task.result, _meta: { [RELATED]: { taskId: task.id } } } });
      response.end();
    }
    task.streams.clear();
  };

  function call(message: JsonObject, params: JsonObject, modern: boolean, response: ServerResponse): void {
    const { id = null } = message;
    const tool = String(params.name);
    const args = (member(params, 'arguments') ?? {}) as JsonObject;
    calls.push({ tool, args });
    const capabilities = member(member(params, '_meta'), 'io.modelcontextprotocol/clientCapabilities');
    const asTask = modern ? isObject(member(capabilities, 'extensions')) : params.task !== undefined;
    if (tool === 'must' && !asTask) {
      json(response, id, { error: { code: -32601, message: 'requires task augmentation' } });
      return;
    }
    if (tool === 'asks' || !asTask) {
      waiting.set(String(args.name), { response, id });
      return;
    }
    const task: UpstreamTask = {
      id: randomUUID(),
      args,
      status: 'working',
      result: null,
      streams: new Set(),
      questions: [],
      updates: [],
    };
    tasks.push(task);
    const flat = shown(task, modern);
    json(response, id, { result: modern ? { resultType: 'task', ...flat } : { task: flat } });
  }

  function about(message: JsonObject, params: JsonObject, modern: boolean, response: ServerResponse): void {
    const { id = null } = message;
    const task = tasks.find((one) => one.id === params.taskId);
    if (task === undefined) {
      json(response, id, { error: { code: -32602, message: 'no such task' } });
      return;
    }
    const complete: JsonObject = modern ? { resultType: 'complete' } : {};
    switch (message.method) {
      case 'tasks/get': {
        const end: JsonObject =
          modern && task.result !== null ? { result: { resultType: 'complete', ...task.result } } : {};
        const asking = task.status === 'input_required' && modern;
        const questions: JsonObject = asking ? { inputRequests: asks(Number(task.args.pad ?? 0)) } : {};
        json(response, id, { result: { ...complete, ...shown(task, modern), ...questions, ...end } });
        break;
      }
      case 'tasks/update':
        task.updates.push(params);
        json(response, id, { result: complete });
        break;
      case 'tasks/cancel':
        task.status = 'cancelled';
        json(response, id, { result: modern ? complete : shown(task, modern) });
        break;
      case 'tasks/result':
        (response as ServerResponse & { rpcId?: Json }).rpcId = id;
        task.streams.add(response);
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        response.on('close', () => task.streams.delete(response));
        for (const question of task.questions.splice(0)) say(response, question);
        if (task.result !== null) finish(task);
        break;
      default:
        json(response, id, { error: { code: -32601, message: 'Method not found' } });
    }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'DELETE') return void response.writeHead(200).end();
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message = JSON.parse(Buffer.concat(chunks).toString()) as JsonObject;
    const params = (member(message, 'params') ?? {}) as JsonObject;
    const modern = member(member(params, '_meta'), 'io.modelcontextprotocol/protocolVersion') !== undefined;
    const { id = null, method } = message;
    if (method === undefined) {
      asked.get(String(id))?.(message);
      return void response.writeHead(202).end();
    }
    if (id === null) return void response.writeHead(202).end();
    if (method === 'initialize') {
      const session = randomUUID();
      sessions.add(session);
      response.setHeader('mcp-session-id', session);
      const capabilities = { tools: {}, tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } };
      const serverInfo = { name: 'tasks', version: '1' };
      return json(response, id, { result: { protocolVersion: '2025-11-25', capabilities, serverInfo } });
    }
    if (!modern && !sessions.has(String(request.headers['mcp-session-id']))) return void response.writeHead(404).end();
    if (method === 'tools/list') return json(response, id, { result: { tools: TOOLS } });
    methods.push(String(method));
    const refused = refusals.findIndex((one) => one.method === method);
    if (refused !== -1) {
      const { answer } = refusals.splice(refused, 1)[0]!;
      if (typeof answer === 'number') return void response.writeHead(answer).end('not now');
      return json(response, id, { error: answer });
    }
    if (method === 'tools/call') return call(message, params, modern, response);
    return about(message, params, modern, response);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    tasks,
    methods,
    count: (tool, name) => calls.filter((one) => one.tool === tool && one.args.name === name).length,
    task: (name) => tasks.find((one) => one.args.name === name) ?? null,
    end: (task, text, status = 'completed') => {
      task.status = status;
      task.result = { content: [{ type: 'text', text }], ...(status === 'failed' ? { isError: true } : {}) };
      finish(task);
    },
    ask: (of) => {
      const id = `ask-${randomUUID()}`;
      const related: JsonObject = typeof of === 'string' ? {} : { _meta: { [RELATED]: { taskId: of.id } } };
      const schema = { type: 'object', properties: { sure: { type: 'boolean' } } };
      const params = { message: 'Sure?', requestedSchema: schema, ...related };
      if (typeof of !== 'string') of.status = 'input_required';
      const question = { id, method: 'elicitation/create', params };
      const streams = typeof of === 'string' ? [waiting.get(of)!.response] : [...of.streams];
      if (typeof of !== 'string' && streams.length === 0) of.questions.push(question);
      for (const response of streams) say(response, question);
      return new Promise((resolve) => asked.set(id, resolve));
    },
    waits: (name) => waiting.has(name),
    answer: (name, text) => {
      const { response, id } = waiting.get(name)!;
      say(response, { id, result: { content: [{ type: 'text', text }] } });
      response.end();
    },
    forget: () => {
      sessions.clear();
      tasks.length = 0;
    },
    refuse: (method, ...answers) => void refusals.push(...answers.map((answer) => ({ method, answer }))),
    refusals: () => refusals.length,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
