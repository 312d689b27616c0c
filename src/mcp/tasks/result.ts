import { findTask, taskFetched } from '../../gateway/task/find-task.ts';
import { serverQuestions } from '../../gateway/task/server-questions.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { responseOf, takesStream } from '../hold/held-calls.ts';
import { HeldJson } from '../hold/json-answer.ts';
import { HeldStream } from '../hold/stream-answer.ts';
import { withMember } from '../json/edit.ts';
import { spanOf } from '../json/text.ts';
import type { TaskContext } from './context.ts';
import { isTerminal, RELATED_TASK, shape, statusOf } from './status.ts';
import { UpstreamResult } from './upstream-result.ts';
import { freshView, keptResponse } from './view.ts';

/** Milliseconds between two looks at what runs: its server may ask something by way of another replica. */
const LOOK_MS = 1_000;
const CANCELLED = -32800;

/**
 * `tasks/result` (2025-11-25): blocks until the task is over and returns what the call itself would have returned.
 * Meanwhile it says that it lives, tells changes of the status, and hands over what the server asks of the agent.
 */
export function taskResult(context: TaskContext, message: TaskMessage, found: Task): Response | Promise<Response> {
  const answer = takesStream(message.accept) ? new HeldStream() : new HeldJson(message.signal);
  const beat = { beat: () => answer.comment(`holdfast ${found.id}`) };
  context.desk.keepAlive.add(beat);
  const theirs = new UpstreamResult(context, answer);
  const run = follow(context, message, found, answer, theirs)
    .catch((error) => context.gateway.log.error({ err: error, task: found.id }, 'a task could not be waited for'))
    .finally(() => {
      theirs.close();
      context.desk.keepAlive.delete(beat);
      answer.close();
    });
  context.desk.follow(run);
  return responseOf(answer);
}

async function follow(
  context: TaskContext,
  message: TaskMessage,
  found: Task,
  answer: HeldStream | HeldJson,
  theirs: UpstreamResult,
): Promise<void> {
  const { gateway } = context;
  const { clock } = gateway;
  const idText = message.idText ?? 'null';
  let told = '';
  let asked = 0;
  for (let task = found; ; ) {
    const view = await freshView(gateway, task);
    const status = statusOf(view.task);
    if (isTerminal(status)) {
      answer.message(await responseFor(gateway, view, idText));
      if (await answer.taken()) await taskFetched(gateway, view.task);
      return;
    }
    const shown = shape(view.task, view.approval, clock.now());
    if (told !== '' && told !== String(shown.statusMessage)) {
      answer.message(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tasks/status', params: shown }));
    }
    told = String(shown.statusMessage);
    if (answer.left.aborted || !gateway.waitingRoom.open || view.approval === null) return;
    const running = view.approval.state === 'dispatched';
    if (view.task.phase === 'relayed') theirs.open(view.task);
    for (const { n, event } of running ? await serverQuestions(gateway, task.id, asked) : []) {
      answer.raw(event);
      asked = n;
    }
    const until = new Date(clock.now().getTime() + (running ? LOOK_MS : 30_000));
    await gateway.waitingRoom.wait(view.approval.id, view.approval.revision, until, answer.left);
    task = (await findTask(gateway, task)) ?? { ...task, phase: 'cancelled' };
  }
}

async function responseFor(
  gateway: TaskContext['gateway'],
  { task, approval }: Awaited<ReturnType<typeof freshView>>,
  idText: string,
): Promise<string> {
  const text = task.phase === 'done' ? await keptResponse(gateway, task, approval, idText) : null;
  if (text === null) {
    return `{"jsonrpc":"2.0","id":${idText},"error":{"code":${CANCELLED},"message":"The task was cancelled."}}`;
  }
  if (spanOf(text, ['result']) === null) return text;
  const related = JSON.stringify({ taskId: task.id });
  return spanOf(text, ['result', '_meta']) === null
    ? withMember(text, ['result', '_meta'], `{${JSON.stringify(RELATED_TASK)}:${related}}`)
    : withMember(text, ['result', '_meta', RELATED_TASK], related);
}
