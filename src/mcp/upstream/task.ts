import { isObject, type Json, member } from '../../domain/json/json.ts';
import type { UpstreamTaskState } from '../../gateway/task/task-door.ts';
import type { Task } from '../../ports.ts';
import { textAt } from '../json/edit.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { INVALID_PARAMS } from '../protocol/response.ts';
import { freshSession } from './fresh-session.ts';
import { requestServer } from './request.ts';
import type { ServerEntry } from './server.ts';
import { hasResult, type TaskAnswer, taskAnswerIn } from './task-answer.ts';

/** A task that a server created for an approved call, with what is needed to ask about it. It is stored as JSON. */
export interface UpstreamTask {
  readonly taskId: string;
  readonly era: Task['era'];
  /** The headers that the agent sent with the call, and the session in which the task runs. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text of the call's `_meta`, which every modern request repeats; null: it had none. */
  readonly meta: string | null;
  /** Milliseconds that the server wants between two polls. */
  readonly pollMs: number;
}

/** The server no longer knows the session. */
interface SessionLost {
  readonly kind: 'session_lost';
}

/** Milliseconds that a server may take to report the state of its task. */
const ANSWER_MS = 20_000;
const DEFAULT_POLL_MS = 5_000;
const SHORTEST_POLL_MS = 200;
const LONGEST_POLL_MS = 60_000;
/** MCP's error code for a resource that does not exist. */
const NOT_FOUND = -32002;
const UTF8 = new TextDecoder();

/** The task in a server's response to a call; null when the response is not a task. */
export function upstreamTaskIn(
  response: Uint8Array,
  era: Task['era'],
  call: { readonly headers: Readonly<Record<string, string>>; readonly text: string },
): UpstreamTask | null {
  // Nobody describes a task with so many bytes, and whatever they are, they are passed on as the call's result.
  if (response.length >= LARGE_MESSAGE) return null;
  const text = UTF8.decode(response);
  if (!text.includes('taskId')) return null;
  const result = member(JSON.parse(text) as Json, 'result');
  const task = era === 'legacy' ? member(result, 'task') : result;
  if (era === 'modern' && member(result, 'resultType') !== 'task') return null;
  const taskId = member(task, 'taskId');
  if (typeof taskId !== 'string') return null;
  const meta = textAt(call.text, ['params', '_meta']);
  return { taskId, era, headers: call.headers, meta, pollMs: pollOf(task) };
}

/** Milliseconds until the next poll, as the server wishes, from 200 to 60,000. */
function pollOf(task: Json | undefined): number {
  const wanted = member(task, 'pollInterval') ?? member(task, 'pollIntervalMs');
  const ms = typeof wanted === 'number' && Number.isFinite(wanted) ? wanted : DEFAULT_POLL_MS;
  return Math.min(Math.max(ms, SHORTEST_POLL_MS), LONGEST_POLL_MS);
}

/** JSON text of the params of a request about an upstream task. */
export function upstreamTaskParams(upstreamTask: UpstreamTask): string {
  const meta = upstreamTask.era === 'modern' && upstreamTask.meta !== null ? `,"_meta":${upstreamTask.meta}` : '';
  return `{"taskId":${JSON.stringify(upstreamTask.taskId)}${meta}}`;
}

/** The headers of a request about an upstream task. */
export function upstreamTaskHeaders(upstreamTask: UpstreamTask, server: ServerEntry): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(upstreamTask.headers)) {
    if (!name.startsWith('mcp-param-')) headers[name] = value;
  }
  if (headers['mcp-name'] !== undefined) headers['mcp-name'] = upstreamTask.taskId;
  for (const [name, value] of Object.entries(server.headers)) headers[name.toLowerCase()] = value;
  headers['accept-encoding'] = 'identity';
  return headers;
}

/**
 * Asks the server for its task's state and, once it has ended, for its result. The request is made in the call's
 * session or, when that has ended, in a session of the gateway's own, because the server may still have the task.
 */
export async function fetchUpstreamTask(
  server: ServerEntry,
  grant: string,
  upstreamTask: UpstreamTask,
): Promise<UpstreamTaskState> {
  const headers = upstreamTaskHeaders(upstreamTask, server);
  const state = await stateInSession(server, grant, upstreamTask, headers);
  if (state.kind !== 'session_lost') return state;
  return freshSession<UpstreamTaskState>(server, grant, headers, {
    send: async (inSession) => {
      const retried = await stateInSession(server, grant, upstreamTask, inSession);
      return retried.kind === 'session_lost'
        ? { kind: 'lost', why: 'it forgets its sessions', forever: false }
        : retried;
    },
    refused: (why) => ({ kind: 'lost', why, forever: false }),
  });
}

async function stateInSession(
  server: ServerEntry,
  grant: string,
  upstreamTask: UpstreamTask,
  headers: Record<string, string>,
): Promise<UpstreamTaskState | SessionLost> {
  const request = { server, grant, headers, params: upstreamTaskParams(upstreamTask) };
  const { outcome, sessionLost } = await requestServer({
    ...request,
    method: 'tasks/get',
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (sessionLost) return { kind: 'session_lost' };
  if (outcome.kind !== 'returned') return { kind: 'lost', why: outcome.why, forever: false };
  const answer = await taskAnswerIn(outcome.response);
  if (answer === null) return { kind: 'lost', why: 'its answer about the task is not JSON', forever: false };
  const { text } = answer;
  const task = member(JSON.parse(text) as Json, 'result');
  if (!isObject(task)) return refusal(text);
  const status = member(task, 'status');
  if (status === 'cancelled') return { kind: 'cancelled' };
  if (status !== 'completed' && status !== 'failed') {
    return { kind: 'open', text: textAt(text, ['result']) ?? '{}', pollMs: pollOf(task), leftOut: answer.leftOut };
  }
  if (upstreamTask.era === 'modern') return inlinedEnd(answer, status === 'failed');
  const ended = await requestServer({ ...request, method: 'tasks/result', signal: AbortSignal.timeout(ANSWER_MS) });
  if (ended.outcome.kind !== 'returned') return { kind: 'lost', why: ended.outcome.why, forever: false };
  const { response, failed } = ended.outcome;
  // An error instead of a completed task's result says nothing about the task: a rate limit, a credential, a proxy.
  if (status === 'completed' && !(await hasResult(response))) {
    return { ...refusal(UTF8.decode(response.subarray(0, LARGE_MESSAGE))), forever: false };
  }
  return { kind: 'ended', response, failed: status === 'failed' || failed };
}

/** 2026-07-28 inlines the result or error in `tasks/get`. */
function inlinedEnd({ inlined, isError }: TaskAnswer, failed: boolean): UpstreamTaskState {
  const response = inlined ?? new TextEncoder().encode('{"jsonrpc":"2.0","id":0,"result":{}}');
  return { kind: 'ended', response, failed: failed || isError };
}

/**
 * The error codes for an unknown task mean that it is gone for good; any other error or HTTP status may be temporary.
 */
function refusal(text: string): Extract<UpstreamTaskState, { kind: 'lost' }> {
  const code = codeIn(text);
  const forever = code === INVALID_PARAMS || code === NOT_FOUND;
  const why = forever
    ? 'the server no longer knows the task that it made of it'
    : `the server refused (${typeof code === 'number' ? code : 'without a code'})`;
  return { kind: 'lost', why, forever };
}

/** The error's code; undefined where the text, perhaps cut, has none that can be read. */
function codeIn(text: string): Json | undefined {
  try {
    return member(member(JSON.parse(text) as Json, 'error'), 'code');
  } catch {
    return undefined;
  }
}
