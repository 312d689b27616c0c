import { type FreshTask, findTask, taskFetched } from '../../gateway/task/find-task.ts';
import { serverQuestions } from '../../gateway/task/server-questions.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { acceptsStream, httpResponseOf } from '../hold/held-calls.ts';
import { HeldJson } from '../hold/json-answer.ts';
import { sendLarge } from '../hold/large-answer.ts';
import { HeldStream } from '../hold/stream-answer.ts';
import { withMember } from '../json/edit.ts';
import { spanOf } from '../json/text.ts';
import { approvalMeta } from '../protocol/tool-results.ts';
import type { TaskContext } from './context.ts';
import { isTerminal, RELATED_TASK, statusOf, taskObject } from './status.ts';
import { UpstreamResultStream } from './upstream-result.ts';
import { freshView, keptResponse } from './view.ts';

/** Milliseconds between two checks of a running call: its server may have asked something through another replica. */
const CHECK_MS = 1_000;
/** The JSON-RPC error code for a cancelled request. */
const CANCELLED = -32800;

/**
 * `tasks/result` (2025-11-25): waits until the task has ended and returns what the call itself would have returned.
 * Meanwhile it sends heartbeats, notifications of status changes, and what the server asks of the agent.
 */
export function taskResult(context: TaskContext, message: TaskMessage, found: Task): Response | Promise<Response> {
  const answer = acceptsStream(message.accept) ? new HeldStream() : new HeldJson(message.signal);
  const beat = { beat: () => answer.comment(`holdfast ${found.id}`) };
  context.heldCalls.keepAlive.add(beat);
  const upstreamStream = new UpstreamResultStream(context, answer);
  const leave = context.gateway.longResults.await(found.approval);
  const run = follow(context, message, found, answer, upstreamStream)
    .catch((error) => context.gateway.log.error({ err: error, task: found.id }, 'a task could not be waited for'))
    .finally(() => {
      leave();
      upstreamStream.close();
      context.heldCalls.keepAlive.delete(beat);
      answer.close();
    });
  context.heldCalls.track(run);
  return httpResponseOf(answer);
}

async function follow(
  context: TaskContext,
  message: TaskMessage,
  found: Task,
  answer: HeldStream | HeldJson,
  upstreamStream: UpstreamResultStream,
): Promise<void> {
  const { gateway } = context;
  const { clock } = gateway;
  const idText = message.idText ?? 'null';
  let lastMessage = '';
  let lastQuestion = 0;
  for (let task = found; ; ) {
    const view = await freshView(gateway, task);
    const status = statusOf(view.task);
    if (isTerminal(status)) {
      await sendResult(gateway, answer, view, idText);
      if (await answer.taken()) await taskFetched(gateway, view.task);
      return;
    }
    const shown = taskObject(view.task, view.approval, clock.now());
    if (lastMessage !== '' && lastMessage !== String(shown.statusMessage)) {
      answer.message(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tasks/status', params: shown }));
    }
    lastMessage = String(shown.statusMessage);
    if (answer.readerGone.aborted || !gateway.waitingRoom.open || view.approval === null) return;
    const running = view.approval.state === 'dispatched';
    if (view.task.phase === 'relayed') upstreamStream.open(view.task);
    for (const { n, event } of running ? await serverQuestions(gateway, task.id, lastQuestion) : []) {
      void answer.raw(event);
      lastQuestion = n;
    }
    const until = new Date(clock.now().getTime() + (running ? CHECK_MS : 30_000));
    await gateway.waitingRoom.wait(view.approval.id, view.approval.revision, until, answer.readerGone);
    task = (await findTask(gateway, task)) ?? { ...task, phase: 'cancelled' };
  }
}

/** A result that is too long to keep goes to who waits for it here while it comes. */
async function sendResult(
  gateway: TaskContext['gateway'],
  answer: HeldStream | HeldJson,
  view: FreshTask,
  idText: string,
): Promise<void> {
  const { task, approval } = view;
  const long = task.phase === 'done' ? gateway.longResults.of(task.approval) : null;
  if (long === null || approval === null) return answer.message(await responseFor(gateway, view, idText));
  const entries = { 'holdfast/approval': approvalMeta(approval), [RELATED_TASK]: { taskId: task.id } };
  await sendLarge(answer, long, null, idText, entries);
}

async function responseFor(
  gateway: TaskContext['gateway'],
  { task, approval }: FreshTask,
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
