import type { JsonObject } from '../../src/domain/json/json.ts';
import { Agent, type ToolAnswer } from '../support/agent/agent.ts';
import { ModernAgent, type ModernAnswer, WITH_TASKS } from '../support/agent/modern.ts';

/** Every way in which an agent can wait for a person. */
export const WAYS = ['holds', 'holds json', 'progress', 'resumes', 'legs', 'task', 'old task', 'task result'] as const;
export type Way = (typeof WAYS)[number];

/** The arguments of a call in the town. */
export type Args = { readonly id: string; readonly agent: string };

/**
 * Makes one call, or asks for its answer again; null while the call waits. Rejects when the request failed. After a 404
 * or a 400 the session is lost, and the next request opens another.
 */
export type Waiter = () => Promise<ToolAnswer | null>;

const PROTOCOL = '2025-11-25';

export function waiter(way: Way, url: string, token: string, tool: string, args: Args): Waiter {
  switch (way) {
    case 'holds':
      return holding(url, token, (agent) => agent.call(tool, args).answer);
    case 'holds json':
      return holding(url, token, (agent) => agent.call(tool, args, { accept: 'application/json' }).answer);
    case 'progress':
      return holding(url, token, (agent) => agent.call(tool, args, { meta: { progressToken: args.id } }).answer);
    case 'resumes':
      return resuming(url, token, tool, args);
    case 'legs':
      return legs(new ModernAgent(url, token), tool, args);
    case 'task':
      return modernTask(new ModernAgent(url, token, WITH_TASKS), tool, args);
    case 'old task':
      return oldTask(url, token, tool, args, false);
    case 'task result':
      return oldTask(url, token, tool, args, true);
    default:
      return way satisfies never;
  }
}

/** A session that is opened when it is needed, and forgotten when the server no longer knows it. */
function inSession(url: string, token: string, version?: string) {
  let agent: Agent | null = null;
  return async <T>(ask: (agent: Agent) => Promise<T>): Promise<T> => {
    agent ??= await Agent.open(url, token, version);
    try {
      return await ask(agent);
    } catch (error) {
      if (/^(404|400) /.test((error as Error).message)) agent = null;
      throw error;
    }
  };
}

function holding(url: string, token: string, ask: (agent: Agent) => Promise<ToolAnswer>): Waiter {
  const session = inSession(url, token);
  return () => session(ask);
}

/** Its connection is cut again and again; it resumes its stream at whichever gateway it then reaches. */
function resuming(url: string, token: string, tool: string, args: Args): Waiter {
  const session = inSession(url, token, PROTOCOL);
  let eventId: string | null = null;
  return () =>
    session(async (agent) => {
      const message = { jsonrpc: '2.0', id: args.id, method: 'tools/call', params: { name: tool, arguments: args } };
      const cut = new AbortController();
      const timer = setTimeout(() => cut.abort(), 4_000);
      try {
        const signal = cut.signal;
        const response = eventId === null ? await agent.post(message, { signal }) : await agent.resume(eventId, signal);
        // The stream is over, answered before: ask again to collect the result.
        if (eventId !== null && response.status === 405) {
          await response.body?.cancel();
          eventId = null;
          return null;
        }
        return await answerIn(response, (id) => {
          eventId = id;
        });
      } catch (error) {
        if (cut.signal.aborted) return null;
        throw error;
      } finally {
        clearTimeout(timer);
      }
    }).then((answer) => {
      // Any answer ends the stream, so there is nothing to resume.
      if (answer !== null) eventId = null;
      return answer;
    });
}

/** The result that comes on a stream; `seen` gets each event id. */
async function streamed(response: Response, seen: (eventId: string) => void): Promise<ToolAnswer> {
  let waiting = '';
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (waiting + text).split('\n');
    waiting = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith('id:')) seen(line.slice(3).trim());
      if (!line.startsWith('data:') || line.trim() === 'data:') continue;
      const message = JSON.parse(line.slice(5)) as { method?: string; result?: ToolAnswer };
      if (message.method !== undefined) continue;
      if (message.result === undefined) throw new Error(line);
      return message.result;
    }
  }
  throw new Error('the stream ended without an answer');
}

/** Gets a `requestState` instead of an answer, and calls again with it. */
function legs(agent: ModernAgent, tool: string, args: Args): Waiter {
  let state: string | null = null;
  return async () => {
    const answer = await agent.call(tool, args, state === null ? {} : { requestState: state });
    state = null;
    const result = resultOf(answer);
    if (result.resultType !== 'input_required') return result as unknown as ToolAnswer;
    state = String(result.requestState);
    return null;
  };
}

/** Tasks of 2026-07-28: polls its task. */
function modernTask(agent: ModernAgent, tool: string, args: Args): Waiter {
  let task: string | null = null;
  return async () => {
    if (task === null) {
      const made = resultOf(await agent.call(tool, args));
      if (made.resultType !== 'task') return made as unknown as ToolAnswer;
      task = String(made.taskId);
      return null;
    }
    const shown = resultOf(await agent.send('tasks/get', { taskId: task }));
    return shown.status === 'completed' ? (shown.result as unknown as ToolAnswer) : null;
  };
}

/** Tasks of 2025-11-25. `blocks`: asks only for `tasks/result`, which is held like a call. */
function oldTask(url: string, token: string, tool: string, args: Args, blocks: boolean): Waiter {
  const session = inSession(url, token, PROTOCOL);
  let task: string | null = null;
  return () =>
    session(async (agent) => {
      if (task === null) {
        const params = { name: tool, arguments: args, task: { ttl: 600_000 } };
        const made = await rpc(agent, 'tools/call', params);
        if (made.task === undefined) return made as unknown as ToolAnswer;
        task = String((made.task as JsonObject).taskId);
        return null;
      }
      if (!blocks) {
        const { status } = await rpc(agent, 'tasks/get', { taskId: task });
        if (status === 'working' || status === 'input_required') return null;
      }
      return (await rpc(agent, 'tasks/result', { taskId: task })) as unknown as ToolAnswer;
    });
}

async function rpc(agent: Agent, method: string, params: JsonObject): Promise<JsonObject> {
  const response = await agent.post({ jsonrpc: '2.0', id: 1, method, params });
  return (await answerIn(response, () => undefined)) as unknown as JsonObject;
}

/** The result, as JSON or on a stream. */
async function answerIn(response: Response, seen: (eventId: string) => void): Promise<ToolAnswer> {
  if ((response.headers.get('content-type') ?? '').startsWith('text/event-stream')) return streamed(response, seen);
  const text = await response.text();
  const { result } = (text === '' ? {} : JSON.parse(text)) as { result?: ToolAnswer };
  if (response.status !== 200 || result === undefined) throw new Error(`${response.status} ${text}`);
  return result;
}

function resultOf(answer: ModernAnswer): JsonObject {
  if (answer.result === undefined) throw new Error(`${answer.status} ${JSON.stringify(answer.error)}`);
  return answer.result;
}
