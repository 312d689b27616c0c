import type { JsonObject } from '../../domain/json/json.ts';
import { member } from '../../domain/json/json.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { splice } from '../json/edit.ts';
import { elementsAt, spanOf } from '../json/text.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { rpcText } from '../protocol/response.ts';
import { relay } from '../relay/relay.ts';
import { editData } from '../sse/cutter.ts';
import { whole } from '../upstream/send.ts';
import type { TaskContext } from './context.ts';
import { shape } from './status.ts';
import { freshView } from './view.ts';

/** Tasks of ours that are listed at most. */
const MOST = 100;
const UTF8 = new TextDecoder();

/**
 * `tasks/list` (2025-11-25): ours, ahead of the server's own on the first page. A server that has no tasks answers with
 * an error, and then ours are all there are.
 */
export async function listTasks({ gateway }: TaskContext, message: TaskMessage): Promise<Response> {
  const { tasks, clock } = gateway;
  const { principal, server, upstream, headers, text, idText } = message;
  const now = clock.now();
  const first = member(member(message.message, 'params'), 'cursor') === undefined;
  const ours: JsonObject[] = [];
  for (const task of first ? await tasks.listTasks(principal.grant, server, now, MOST) : []) {
    const view = await freshView(gateway, task);
    ours.push(shape(view.task, view.approval, now));
  }
  const body = new TextEncoder().encode(text);
  const answered = await upstream.exchange({ method: 'POST', headers, body, grant: principal.grant });
  if (answered.kind !== 'answer') return relay(answered, server, idText);
  const said = UTF8.decode(await whole(answered.body));
  const stream = (headerOf(answered.headers, 'content-type') ?? '').startsWith('text/event-stream');
  const merged = stream ? editData(said, (data) => withOurs(data, ours)) : withOurs(said, ours);
  if (merged !== null) return relay({ ...answered, body: new TextEncoder().encode(merged) }, server, idText);
  if (!first) return relay({ ...answered, body: new TextEncoder().encode(said) }, server, idText);
  return rpcText(idText ?? 'null', JSON.stringify({ tasks: ours }));
}

/** null: the server listed none. */
function withOurs(text: string, ours: readonly JsonObject[]): string | null {
  let list: ReturnType<typeof spanOf>;
  try {
    JSON.parse(text);
    list = spanOf(text, ['result', 'tasks']);
  } catch {
    return null;
  }
  if (list === null) return null;
  const theirs = [...elementsAt(text, list.start)].map(({ start, end }) => text.slice(start, end));
  const all = [...ours.map((task) => JSON.stringify(task)), ...theirs];
  return splice(text, list.start, list.end, `[${all.join(',')}]`);
}
