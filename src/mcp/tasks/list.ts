import { withoutMark } from '../../bytes/byte-order-mark.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { member } from '../../domain/json/json.ts';
import { standBack } from '../../time/stand-back.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { elementsIn, placesIn } from '../json/find.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { rpcError, rpcResult } from '../protocol/response.ts';
import { discardAnswer, relay } from '../relay/relay.ts';
import { editData } from '../sse/edit-data.ts';
import { readWhole } from '../upstream/read-whole.ts';
import { readableAnswer } from '../upstream/readable.ts';
import { soleMessageIn } from '../upstream/response.ts';
import type { TaskContext } from './context.ts';
import { taskObject } from './status.ts';
import { freshView } from './view.ts';

/** Most tasks of ours that are listed. */
const MAX_LISTED = 100;
/** Longest list of a server's that is read, in bytes. */
const LONGEST_LIST = 4 * 1024 * 1024;
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

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
  const readable = readableAnswer(answered);
  if (readable.kind === 'unreadable') {
    discardAnswer(answered);
    return relay(readable, server, idText);
  }
  const answerBytes = withoutMark(await readWhole(readable.body));
  if (answerBytes.byteLength > LONGEST_LIST) {
    return rpcError(
      502,
      502,
      `${server} has a list of tasks of more than 4 MiB; nothing of it is passed on.`,
      idText ?? 'null',
    );
  }
  const answerText = UTF8.decode(answerBytes);
  const stream = isEventStream(readable.headers);
  // What a server made of an approved call is listed as our task.
  const ids = await runs.followed.idsAt(server);
  const merged = await mergedInto(answerText, stream, (data) => withOurTasks(data, ours, ids));
  if (merged !== null) return relay({ ...readable, body: new TextEncoder().encode(merged) }, server, idText);
  if (!firstPage) return relay({ ...readable, body: new TextEncoder().encode(answerText) }, server, idText);
  return rpcResult(idText ?? 'null', JSON.stringify({ tasks: ours }));
}

/** The answer with its JSON text merged; `stream`: that is the data of its event. Null: it stays as it is. */
async function mergedInto(
  answer: string,
  stream: boolean,
  merge: (data: string) => Promise<string | null>,
): Promise<string | null> {
  if (!stream) return merge(answer);
  let found: string | null = null;
  editData(answer, (data) => {
    found = data;
    return null;
  });
  const merged = found === null ? null : await merge(found);
  return merged === null ? null : editData(answer, () => merged);
}

const TASKS = ['result', 'tasks'];

/**
 * The server's answer with our tasks added in front and without those of `hidden`; null when it contains no list. Reads
 * it in pieces.
 */
async function withOurTasks(
  text: string,
  ours: readonly JsonObject[],
  hidden: ReadonlySet<string>,
): Promise<string | null> {
  const bytes = await soleMessageIn(new TextEncoder().encode(text));
  const list = (await placesIn(bytes, [TASKS]))?.get(TASKS.join(' '));
  if (list === undefined) return null;
  const all = ours.map((task) => JSON.stringify(task));
  for await (const { start, end } of elementsIn(bytes, list)) {
    const task = bytes.subarray(start, end);
    if (!hidden.has(await taskIdIn(task))) all.push(UTF8.decode(task));
  }
  if (bytes.length >= LARGE_MESSAGE) await standBack();
  const [before, after] = [bytes.subarray(0, list.start), bytes.subarray(list.end)];
  return `${UTF8.decode(before)}[${all.join(',')}]${UTF8.decode(after)}`;
}

async function taskIdIn(task: Uint8Array): Promise<string> {
  if (task.length < LARGE_MESSAGE) return String(member(JSON.parse(UTF8.decode(task)) as JsonObject, 'taskId'));
  const place = (await placesIn(task, [['taskId']]))?.get('taskId');
  // No id of a task that is ours is as long.
  if (place === undefined || place.end - place.start > LARGE_MESSAGE) return 'undefined';
  return String(JSON.parse(UTF8.decode(task.subarray(place.start, place.end))));
}
