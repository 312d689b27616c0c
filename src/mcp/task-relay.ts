import type { Task } from '../ports.ts';
import type { TaskMessage } from './call-door.ts';
import { textAt, withMember } from './json-edit.ts';
import { relay } from './relay.ts';
import { whole } from './send-held.ts';
import type { TaskHall } from './task-door.ts';
import { keptText } from './task-view.ts';

const UTF8 = new TextDecoder();

/**
 * The server runs the approved call as a task of its own: what the agent asks of ours is asked of that one, and its
 * answer comes back under our name. Results stay where they are.
 */
export async function relayTask(hall: TaskHall, message: TaskMessage, task: Task): Promise<Response> {
  const theirs = (await keptText(hall.gateway, task)) ?? '';
  const text = withMember(message.text, ['params', 'taskId'], JSON.stringify(theirs));
  const headers: Record<string, string> = { ...message.headers, accept: 'application/json, text/event-stream' };
  if (headers['mcp-name'] !== undefined) headers['mcp-name'] = theirs;
  const answered = await message.upstream.exchange({
    method: 'POST',
    headers,
    body: new TextEncoder().encode(text),
    grant: message.principal.grant,
    signal: message.signal,
  });
  if (answered.kind !== 'answer') return relay(answered, message.server, message.idText);
  const said = UTF8.decode(await whole(answered.body));
  const ours = JSON.stringify(task.id);
  // Whether the answer came as JSON or as the one event of a stream, it is short and holds the id once.
  const renamed = isJson(said)
    ? rename(said, ours)
    : said.replace(/^data: ?(.*)$/m, (_, data) => `data: ${rename(data, ours)}`);
  return relay({ ...answered, body: new TextEncoder().encode(renamed) }, message.server, message.idText);
}

function rename(text: string, id: string): string {
  return textAt(text, ['result', 'taskId']) === null ? text : withMember(text, ['result', 'taskId'], id);
}

function isJson(text: string): boolean {
  return text.trimStart().startsWith('{');
}
