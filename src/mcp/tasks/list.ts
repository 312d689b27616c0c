import type { JsonObject } from '../../domain/json/json.ts';
import { member } from '../../domain/json/json.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { splice } from '../json/edit.ts';
import { elementsAt, spanOf } from '../json/text.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { rpcError, rpcResult } from '../protocol/response.ts';
import { relay } from '../relay/relay.ts';
import { editData } from '../sse/cutter.ts';
import { readWhole } from '../upstream/send.ts';
import type { TaskContext } from './context.ts';
import { taskObject } from './status.ts';
import { freshView } from './view.ts';

/** Most tasks of ours that are listed. */
const MAX_LISTED = 100;
/** Longest list of a server's that is read, in bytes. */
const LONGEST_LIST = 4 * 1024 * 1024;
const UTF8 = new TextDecoder();

/**
 * `tasks/list` (2025-11-25): on the first page our tasks are listed before the server's own. If the server has no tasks
 * and answers with an error, only ours are listed.
 */
export async function listTasks({ gateway, runs }: TaskContext, message: TaskMessage): Promise<Response> {
  const { tasks, clock } = gateway;
  const { principal, server, upstream, headers, text, idText } = message;
  const now = clock.now();
  const firstPage = member(member(message.message, 'params'), 'cursor') === undefined;
  const ours: JsonObject[] = [];
  for (const task of firstPage ? await tasks.listTasks(principal.grant, server, now, MAX_LISTED) : []) {
    const view = await freshView(gateway, task);
    ours.push(taskObject(view.task, view.approval, now));
  }
  const body = new TextEncoder().encode(text);
  const answered = await upstream.exchange({ method: 'POST', headers, body, grant: principal.grant });
  if (answered.kind !== 'answer') return relay(answered, server, idText);
  const answerBytes = await readWhole(answered.body);
  if (answerBytes.byteLength > LONGEST_LIST) {
    return rpcError(
      502,
      502,
      `${server} has a list of tasks of more than 4 MiB; nothing of it is passed on.`,
      idText ?? 'null',
    );
  }
  const answerText = UTF8.decode(answerBytes);
  const stream = (headerOf(answered.headers, 'content-type') ?? '').startsWith('text/event-stream');
  // What a server made of an approved call is listed as our task.
  const ids = await runs.followed.idsAt(server);
  const merge = (data: string): string | null => withOurTasks(data, ours, ids);
  const merged = stream ? editData(answerText, merge) : merge(answerText);
  if (merged !== null) return relay({ ...answered, body: new TextEncoder().encode(merged) }, server, idText);
  if (!firstPage) return relay({ ...answered, body: new TextEncoder().encode(answerText) }, server, idText);
  return rpcResult(idText ?? 'null', JSON.stringify({ tasks: ours }));
}

/** The server's answer with our tasks added in front and without those of `hidden`; null when it contains no list. */
function withOurTasks(text: string, ours: readonly JsonObject[], hidden: ReadonlySet<string>): string | null {
  let list: ReturnType<typeof spanOf>;
  try {
    JSON.parse(text);
    list = spanOf(text, ['result', 'tasks']);
  } catch {
    return null;
  }
  if (list === null) return null;
  const serverTasks = [...elementsAt(text, list.start)]
    .map(({ start, end }) => text.slice(start, end))
    .filter((task) => !hidden.has(String(member(JSON.parse(task) as JsonObject, 'taskId'))));
  const all = [...ours.map((task) => JSON.stringify(task)), ...serverTasks];
  return splice(text, list.start, list.end, `[${all.join(',')}]`);
}
