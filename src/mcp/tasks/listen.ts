import { isObject, type Json, member } from '../../domain/json/json.ts';
import { findTask, taskFetched } from '../../gateway/task/find-task.ts';
import { isOurTask } from '../../gateway/task/open-task.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { httpResponseOf } from '../hold/held-calls.ts';
import { HeldStream } from '../hold/stream-answer.ts';
import { textAt, withMember } from '../json/edit.ts';
import type { TaskContext } from './context.ts';
import { isTerminal, statusOf } from './status.ts';
import { upstreamTaskStream } from './upstream-stream.ts';
import { detailedTaskText, freshView } from './view.ts';

/** Milliseconds between two checks of a task whose changes do not show in its approval. */
const CHECK_MS = 1_000;
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

/**
 * `subscriptions/listen` (2026-07-28) that names tasks of ours: every change of one is pushed. For everything else that
 * the agent asks for, the server's own stream is opened and continued in ours. Null: the request names no task of ours.
 */
export async function listenToTasks(context: TaskContext, message: TaskMessage): Promise<Response | null> {
  const wanted = member(member(message.message, 'params'), 'notifications');
  const listed = member(wanted, 'taskIds');
  const taskIds = Array.isArray(listed) ? (listed as readonly Json[]) : [];
  const ours = taskIds.filter((id): id is string => typeof id === 'string' && isOurTask(id));
  if (ours.length === 0 || message.idText === null) return null;
  const found: Task[] = [];
  for (const id of new Set(ours)) {
    const { principal, server } = message;
    const task = await findTask(context.gateway, { id, grant: principal.grant, server });
    if (task !== null) found.push(task);
  }
  const others =
    isObject(wanted) && (Object.keys(wanted).some((key) => key !== 'taskIds') || taskIds.length > ours.length);
  const stream = new HeldStream();
  const beat = { beat: () => stream.comment('holdfast listens') };
  context.heldCalls.keepAlive.add(beat);
  const notify = (method: string, params: string): void => {
    const _meta = `{${JSON.stringify(SUBSCRIPTION)}:${message.idText}}`;
    stream.message(`{"jsonrpc":"2.0","method":"${method}","params":${withMember(params, ['_meta'], _meta)}}`);
  };
  const run = (async (): Promise<void> => {
    try {
      const upstreamStream = others ? await upstreamTaskStream(message, withoutOurTasks(message, ours), stream) : null;
      if (upstreamStream === null) {
        const accepted = JSON.stringify({ notifications: { taskIds: found.map((task) => task.id) } });
        notify('notifications/subscriptions/acknowledged', accepted);
      }
      await Promise.all([upstreamStream?.ended, ...found.map((task) => watch(context, task, stream, notify))]);
    } catch (error) {
      context.gateway.log.warn({ err: error }, 'a subscription ended');
    } finally {
      context.heldCalls.keepAlive.delete(beat);
      stream.close();
    }
  })();
  context.heldCalls.track(run);
  return httpResponseOf(stream);
}

/** The agent's request without our tasks' ids, for the server. */
function withoutOurTasks(message: TaskMessage, ours: readonly string[]): string {
  const path = ['params', 'notifications', 'taskIds'];
  const ids = JSON.parse(textAt(message.text, path) ?? '[]') as Json[];
  return withMember(message.text, path, JSON.stringify(ids.filter((id) => !ours.includes(String(id)))));
}

/** Notifies of the task's state now and at every change, until it has ended. */
async function watch(
  { gateway }: TaskContext,
  task: Task,
  stream: HeldStream,
  notify: (method: string, params: string) => void,
): Promise<void> {
  const { clock } = gateway;
  let notified = '';
  for (let current: Task | null = task; current !== null && !stream.readerGone.aborted && gateway.waitingRoom.open; ) {
    const view = await freshView(gateway, current);
    const params = await detailedTaskText({ gateway }, view.task, view.approval, {});
    const state = `${statusOf(view.task)} ${textAt(params, ['statusMessage'])} ${textAt(params, ['inputRequests'])}`;
    if (state !== notified) notify('notifications/tasks', params);
    notified = state;
    if (isTerminal(statusOf(view.task)) && (await stream.taken())) await taskFetched(gateway, task);
    if (isTerminal(statusOf(view.task)) || view.approval === null) return;
    const until = new Date(clock.now().getTime() + (view.task.phase === 'held' ? 30_000 : CHECK_MS));
    await gateway.waitingRoom.wait(view.approval.id, view.approval.revision, until, stream.readerGone);
    current = await findTask(gateway, task);
  }
}
