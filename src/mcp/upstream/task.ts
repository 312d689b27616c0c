import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { UpstreamTaskState } from '../../gateway/task/task-door.ts';
import type { Task } from '../../ports.ts';
import { textAt } from '../json/edit.ts';
import { INVALID_PARAMS } from '../protocol/response.ts';
import { freshSession } from './fresh-session.ts';
import { requestServer } from './request.ts';
import type { ServerEntry } from './server.ts';

/** A task that a server made of an approved call, and how it is asked after. */
export interface UpstreamTask {
  readonly taskId: string;
  readonly era: Task['era'];
  /** The agent's own headers of the call, with the session in which it runs. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text of the call's `_meta`, which every modern request repeats; null: it had none. */
  readonly meta: string | null;
  /** Milliseconds that the server wants between two looks. */
  readonly pollMs: number;
}

/** The server no longer knows the session. */
interface Homeless {
  readonly kind: 'homeless';
}

/** Milliseconds that a server may take to say how its task stands. */
const ANSWER_MS = 20_000;
const DEFAULT_POLL_MS = 5_000;
const SHORTEST_POLL_MS = 200;
const LONGEST_POLL_MS = 60_000;
const NOT_FOUND = -32002;
const UTF8 = new TextDecoder();

/** The task that the server made of the call; null when it made none. */
export function upstreamTaskIn(
  response: Uint8Array,
  era: Task['era'],
  call: { readonly headers: Readonly<Record<string, string>>; readonly text: string },
): UpstreamTask | null {
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

/** Milliseconds to wait before the next look, as the server wants it. */
function pollOf(task: Json | undefined): number {
  const wanted = member(task, 'pollInterval') ?? member(task, 'pollIntervalMs');
  const ms = typeof wanted === 'number' && Number.isFinite(wanted) ? wanted : DEFAULT_POLL_MS;
  return Math.min(Math.max(ms, SHORTEST_POLL_MS), LONGEST_POLL_MS);
}

/** JSON of the params that a message about their task has. */
export function paramsAbout(theirs: UpstreamTask): string {
  const meta = theirs.era === 'modern' && theirs.meta !== null ? `,"_meta":${theirs.meta}` : '';
  return `{"taskId":${JSON.stringify(theirs.taskId)}${meta}}`;
}

/** The headers that go with it. */
export function headersAbout(theirs: UpstreamTask, server: ServerEntry): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(theirs.headers)) {
    if (!name.startsWith('mcp-param-')) headers[name] = value;
  }
  if (headers['mcp-name'] !== undefined) headers['mcp-name'] = theirs.taskId;
  for (const [name, value] of Object.entries(server.headers)) headers[name.toLowerCase()] = value;
  headers['accept-encoding'] = 'identity';
  return headers;
}

/**
 * Asks the server how its task stands, and, once it is over, how it ended: in the session of the call, or, when that is
 * over, in one of the gateway's own, because a server may well have kept the task.
 */
export async function readUpstreamTask(
  server: ServerEntry,
  grant: string,
  theirs: UpstreamTask,
): Promise<UpstreamTaskState> {
  const headers = headersAbout(theirs, server);
  const sight = await lookIn(server, grant, theirs, headers);
  if (sight.kind !== 'homeless') return sight;
  return freshSession<UpstreamTaskState>(server, grant, headers, {
    send: async (inside) => {
      const again = await lookIn(server, grant, theirs, inside);
      return again.kind === 'homeless' ? { kind: 'lost', why: 'it forgets its sessions', forever: false } : again;
    },
    refused: (why) => ({ kind: 'lost', why, forever: false }),
  });
}

async function lookIn(
  server: ServerEntry,
  grant: string,
  theirs: UpstreamTask,
  headers: Record<string, string>,
): Promise<UpstreamTaskState | Homeless> {
  const about = { server, grant, headers, params: paramsAbout(theirs) };
  const { outcome, sessionLost } = await requestServer({
    ...about,
    method: 'tasks/get',
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (sessionLost) return { kind: 'homeless' };
  if (outcome.kind !== 'returned') return { kind: 'lost', why: outcome.why, forever: false };
  const text = UTF8.decode(outcome.response);
  const task = member(JSON.parse(text) as Json, 'result');
  if (!isObject(task)) return refusal(text);
  const status = member(task, 'status');
  if (status === 'cancelled') return { kind: 'cancelled' };
  if (status !== 'completed' && status !== 'failed') {
    return { kind: 'open', text: textAt(text, ['result']) ?? '{}', pollMs: pollOf(task) };
  }
  if (theirs.era === 'modern') return inlined(text, task);
  const ended = await requestServer({ ...about, method: 'tasks/result', signal: AbortSignal.timeout(ANSWER_MS) });
  if (ended.outcome.kind !== 'returned') return { kind: 'lost', why: ended.outcome.why, forever: false };
  const { response, failed } = ended.outcome;
  // Of a task that is completed, a refusal of its result says nothing: a rate limit, a credential, a proxy.
  if (status === 'completed' && member(JSON.parse(UTF8.decode(response)) as Json, 'result') === undefined) {
    return { ...refusal(UTF8.decode(response)), forever: false };
  }
  return { kind: 'ended', response, failed: status === 'failed' || failed };
}

/** 2026-07-28 inlines the end in `tasks/get`; the bytes of it are kept as they came. */
function inlined(text: string, task: JsonObject): UpstreamTaskState {
  const error = textAt(text, ['result', 'error']);
  const result = textAt(text, ['result', 'result']) ?? '{}';
  const end = error === null ? `"result":${result}` : `"error":${error}`;
  const response = new TextEncoder().encode(`{"jsonrpc":"2.0","id":0,${end}}`);
  const failed =
    error !== null || member(task, 'status') === 'failed' || member(member(task, 'result'), 'isError') === true;
  return { kind: 'ended', response, failed };
}

/** A JSON-RPC error that names the task means that it is gone; any other, and every HTTP status, may pass. */
function refusal(text: string): Extract<UpstreamTaskState, { kind: 'lost' }> {
  const code = member(member(JSON.parse(text) as Json, 'error'), 'code');
  const forever = code === INVALID_PARAMS || code === NOT_FOUND;
  const why = forever
    ? 'the server no longer knows the task that it made of it'
    : `the server refused (${typeof code === 'number' ? code : 'without a code'})`;
  return { kind: 'lost', why, forever };
}
