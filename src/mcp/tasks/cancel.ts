import { cancelTask } from '../../gateway/task/cancel-task.ts';
import { findTask, requestOfTask } from '../../gateway/task/find-task.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { INVALID_PARAMS, rpcError, rpcResult } from '../protocol/response.ts';
import type { TaskContext } from './context.ts';
import { relayTask } from './relay-task.ts';
import { taskRequestIn } from './request.ts';
import { isTerminal, statusOf, taskObject } from './status.ts';
import { freshView } from './view.ts';

/**
 * `tasks/cancel`: the call is no longer wanted. If it still waits, it is withdrawn and its card says so. If it already
 * runs, the server is told, and its outcome is still recorded.
 */
export async function handleCancel(context: TaskContext, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs } = context;
  const idText = message.idText ?? 'null';
  const { task, approval } = await freshView(gateway, found);
  if (task.phase === 'relayed') {
    const answered = await relayTask(context, message, task);
    // The new state is recorded before the agent gets the answer.
    await runs.followed.pollNow(task.approval);
    return answered;
  }
  if (isTerminal(statusOf(task))) {
    // Cancelling a task that has ended is an error in 2025-11-25, but not in 2026-07-28.
    if (message.modern) return rpcResult(idText, ACK);
    return rpcError(200, INVALID_PARAMS, `The task is ${statusOf(task)} already.`, idText);
  }
  await cancelTask(gateway, task, async () => {
    if (approval?.state === 'dispatched' && !message.modern) await cancelAtServer(context, message, task);
    runs.abandon(task.id);
  });
  if (message.modern) return rpcResult(idText, ACK);
  const current = (await findTask(gateway, task)) ?? task;
  return rpcResult(idText, JSON.stringify(taskObject(current, null, gateway.clock.now())));
}

const ACK = '{"resultType":"complete"}';

/** The server knows the call by the id with which it was sent. */
async function cancelAtServer({ gateway }: TaskContext, message: TaskMessage, task: Task): Promise<void> {
  const request = await requestOfTask(gateway, task);
  if (request === null) return;
  const { idText } = taskRequestIn(request);
  const params = `{"requestId":${idText},"reason":"the agent cancelled its task"}`;
  const text = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`;
  const body = new TextEncoder().encode(text);
  await message.upstream.exchange({ method: 'POST', headers: message.headers, body, grant: task.grant });
}
