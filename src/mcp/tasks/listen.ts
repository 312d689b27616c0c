import { isObject, type Json, member } from '../../domain/json/json.ts';
import { findTask, taskFetched } from '../../gateway/task/find-task.ts';
import { isOurTask } from '../../gateway/task/open-task.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { responseOf } from '../hold/held-calls.ts';
import { HeldStream } from '../hold/stream-answer.ts';
import { textAt, withMember } from '../json/edit.ts';
import type { TaskContext } from './context.ts';
import { isTerminal, statusOf } from './status.ts';
import { upstreamTaskStream } from './upstream-stream.ts';
import { detailed, freshView } from './view.ts';

/** Milliseconds between two looks at a task whose approval does not tell. */
const LOOK_MS = 1_000;
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

/**
 * `subscriptions/listen` (2026-07-28) with tasks of ours among what is listened for: each change of one is pushed. What
 * else is asked for is the server's to push, so its stream runs on in ours.
 */
export async function listen(context: TaskContext, message: TaskMessage): Promise<Response | null> {
  const wants = member(member(message.message, 'params'), 'notifications');
  const listed = member(wants, 'taskIds');
  const all = Array.isArray(listed) ? (listed as readonly Json[]) : [];
  const ours = all.filter((id): id is string => typeof id === 'string' && isOurTask(id));
  if (ours.length === 0 || message.idText === null) return null;
  const found: Task[] = [];
  for (const id of new Set(ours)) {
    const { principal, server } = message;
    const task = await findTask(context.gateway, { id, grant: principal.grant, server });
    if (task !== null) found.push(task);
  }
  const others = isObject(wants) && (Object.keys(wants).some((key) => key !== 'taskIds') || all.length > ours.length);
  const stream = new HeldStream();
  const beat = { beat: () => stream.comment('holdfast listens') };
  context.desk.keepAlive.add(beat);
  const tell = (method: string, params: string): void => {
    const _meta = `{${JSON.stringify(SUBSCRIPTION)}:${message.idText}}`;
    stream.message(`{"jsonrpc":"2.0","method":"${method}","params":${withMember(params, ['_meta'], _meta)}}`);
  };
  const run = (async (): Promise<void> => {
    try {
      const theirs = others ? await upstreamTaskStream(message, withoutOurs(message, ours), stream) : null;
      if (theirs === null) {
        const taken = JSON.stringify({ notifications: { taskIds: found.map((task) => task.id) } });
        tell('notifications/subscriptions/acknowledged', taken);
      }
      await Promise.all([theirs?.ended, ...found.map((task) => watch(context, task, stream, tell))]);
    } catch (error) {
      context.gateway.log.warn({ err: error }, 'a subscription ended');
    } finally {
      context.desk.keepAlive.delete(beat);
      stream.close();
    }
  })();
  context.desk.follow(run);
  return responseOf(stream);
}

/** The server is asked for all but ours. */
function withoutOurs(message: TaskMessage, ours: readonly string[]): string {
  const path = ['params', 'notifications', 'taskIds'];
  const ids = JSON.parse(textAt(message.text, path) ?? '[]') as Json[];
  return withMember(message.text, path, JSON.stringify(ids.filter((id) => !ours.includes(String(id)))));
}

/** Tells how it stands now and at every change, until it is over. */
async function watch(
  { gateway }: TaskContext,
  task: Task,
  stream: HeldStream,
  tell: (method: string, params: string) => void,
): Promise<void> {
  const { clock } = gateway;
  let told = '';
  for (let now: Task | null = task; now !== null && !stream.left.aborted && gateway.waitingRoom.open; ) {
    const view = await freshView(gateway, now);
    const params = await detailed({ gateway }, view.task, view.approval, {});
    const state = `${statusOf(view.task)} ${textAt(params, ['statusMessage'])} ${textAt(params, ['inputRequests'])}`;
    if (state !== told) tell('notifications/tasks', params);
    told = state;
    if (isTerminal(statusOf(view.task)) && (await stream.taken())) await taskFetched(gateway, task);
    if (isTerminal(statusOf(view.task)) || view.approval === null) return;
    const until = new Date(clock.now().getTime() + (view.task.phase === 'held' ? 30_000 : LOOK_MS));
    await gateway.waitingRoom.wait(view.approval.id, view.approval.revision, until, stream.left);
    now = await findTask(gateway, task);
  }
}
