import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { textAt, withMember } from '../json/edit.ts';
import { INVALID_PARAMS, rpcError } from '../protocol/response.ts';
import { relay } from '../relay/relay.ts';
import { whole } from '../upstream/send.ts';
import type { TaskContext } from './context.ts';
import { keptUpstreamTask } from './server-side.ts';
import { RELATED_TASK } from './status.ts';

const UTF8 = new TextDecoder();

/**
 * The server runs the approved call as a task of its own: what the agent tells ours is told to that one, and its answer
 * comes back under our name.
 */
export async function relayTask(context: TaskContext, message: TaskMessage, task: Task): Promise<Response> {
  const { runs } = context;
  const made = await runs.followed.madeFor(task.approval);
  if (made === null) return rpcError(200, INVALID_PARAMS, 'The task is over.', message.idText ?? 'null');
  const theirs = keptUpstreamTask(made);
  const text = withMember(message.text, ['params', 'taskId'], JSON.stringify(theirs.taskId));
  const headers: Record<string, string> = { ...message.headers, accept: 'application/json, text/event-stream' };
  if (headers['mcp-name'] !== undefined) headers['mcp-name'] = theirs.taskId;
  const session = theirs.headers['mcp-session-id'];
  if (session !== undefined) headers['mcp-session-id'] = session;
  const answered = await message.upstream.exchange({
    method: 'POST',
    headers,
    body: new TextEncoder().encode(text),
    grant: message.principal.grant,
    signal: message.signal,
  });
  if (answered.kind !== 'answer') return relay(answered, message.server, message.idText);
  const said = UTF8.decode(await whole(answered.body));
  // Whether the answer came as JSON or as the one event of a stream, it is short and holds the id once.
  const renamed = isJson(said)
    ? renamedAnswer(said, task.id)
    : said.replace(/^data: ?(.*)$/m, (_, data) => `data: ${renamedAnswer(data, task.id)}`);
  return relay({ ...answered, body: new TextEncoder().encode(renamed) }, message.server, message.idText);
}

/** Their id stands only in places that the specification names; ours is put there. */
export function renamed(text: string, path: readonly string[], id: string): string {
  return textAt(text, path) === null ? text : withMember(text, path, JSON.stringify(id));
}

function renamedAnswer(text: string, id: string): string {
  return renamed(renamed(text, ['result', 'taskId'], id), ['result', '_meta', RELATED_TASK, 'taskId'], id);
}

function isJson(text: string): boolean {
  return text.trimStart().startsWith('{');
}
