import { withoutMark } from '../../bytes/byte-order-mark.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { textAt, withMember } from '../json/edit.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { INVALID_PARAMS, rpcError } from '../protocol/response.ts';
import { discardAnswer, relay } from '../relay/relay.ts';
import { SseCutter } from '../sse/cutter.ts';
import { editData } from '../sse/edit-data.ts';
import { readWhole } from '../upstream/read-whole.ts';
import { readableAnswer } from '../upstream/readable.ts';
import { soleMessageIn } from '../upstream/response.ts';
import type { TaskContext } from './context.ts';
import { parseUpstreamTask } from './server-side.ts';
import { RELATED_TASK } from './status.ts';

const UTF8 = new TextDecoder();

/**
 * The server runs the approved call as a task of its own, so the agent's message about our task is forwarded with the
 * id of the server's task, and the answer comes back with the id of ours.
 */
export async function relayTask(context: TaskContext, message: TaskMessage, task: Task): Promise<Response> {
  const { runs } = context;
  const made = await runs.followed.handleFor(task.approval);
  if (made === null) return rpcError(200, INVALID_PARAMS, 'The task is over.', message.idText ?? 'null');
  const upstreamTask = parseUpstreamTask(made);
  const text = withMember(message.text, ['params', 'taskId'], JSON.stringify(upstreamTask.taskId));
  const headers: Record<string, string> = { ...message.headers, accept: 'application/json, text/event-stream' };
  if (headers['mcp-name'] !== undefined) headers['mcp-name'] = upstreamTask.taskId;
  const session = upstreamTask.headers['mcp-session-id'];
  if (session !== undefined) headers['mcp-session-id'] = session;
  const answered = await message.upstream.exchange({
    method: 'POST',
    headers,
    body: new TextEncoder().encode(text),
    grant: message.principal.grant,
    signal: message.signal,
  });
  if (answered.kind !== 'answer') return relay(answered, message.server, message.idText);
  const readable = readableAnswer(answered);
  if (readable.kind === 'unreadable') {
    discardAnswer(answered);
    return relay(readable, message.server, message.idText);
  }
  const answerBytes = withoutMark(await readWhole(readable.body));
  const edited = isEventStream(readable.headers)
    ? eventsWithTaskId(answerBytes, task.id)
    : answerWithTaskId(UTF8.decode(await soleMessageIn(answerBytes)), task.id);
  return relay({ ...readable, body: new TextEncoder().encode(edited) }, message.server, message.idText);
}

/** The stream's events, each with the id of our task. */
function eventsWithTaskId(bytes: Uint8Array, id: string): string {
  const cutter = new SseCutter();
  return [...cutter.push(bytes), cutter.end()]
    .map((event) => UTF8.decode(event))
    .map((event) => editData(event, (data) => (isJson(data) ? answerWithTaskId(data, id) : null)) ?? event)
    .join('');
}

/** The text with our task's `id` at `path`, if there is a value. The specification names all places of a task's id. */
export function withTaskId(text: string, path: readonly string[], id: string): string {
  return textAt(text, path) === null ? text : withMember(text, path, JSON.stringify(id));
}

function answerWithTaskId(text: string, id: string): string {
  return withTaskId(withTaskId(text, ['result', 'taskId'], id), ['result', '_meta', RELATED_TASK, 'taskId'], id);
}

function isJson(text: string): boolean {
  return text.trimStart().startsWith('{');
}
