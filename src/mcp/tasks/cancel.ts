import { cancelTask } from '../../gateway/task/cancel-task.ts';
import { findTask, requestOfTask } from '../../gateway/task/find-task.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { INVALID_PARAMS, rpcError, rpcText } from '../protocol/response.ts';
import type { TaskContext } from './context.ts';
import { relayTask } from './relay-task.ts';
import { taskRequestIn } from './request.ts';
import { isTerminal, shape, statusOf } from './status.ts';
import { freshView } from './view.ts';

/**
 * `tasks/cancel`: the call is no longer wanted. What still waits is withdrawn and its card says so; what already runs
 * is told to the server, and its outcome is recorded all the same.
 */
export async function cancelled(context: TaskContext, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs } = context;
  const idText = message.idText ?? 'null';
  const { task, approval } = await freshView(gateway, found);
  if (task.phase === 'relayed') {
    const answered = await relayTask(context, message, task);
    // What comes of it is recorded before the agent hears.
    await runs.followed.lookNow(task.approval);
    return answered;
  }
  if (isTerminal(statusOf(task))) {
    // A second cancellation is no error in 2026-07-28, and one in 2025-11-25.
    if (message.modern) return rpcText(idText, ACK);
    return rpcError(200, INVALID_PARAMS, `The task is ${statusOf(task)} already.`, idText);
  }
  await cancelTask(gateway, task, async () => {
    if (approval?.state === 'dispatched' && !message.modern) await tellServer(context, message, task);
    runs.abandon(task.id);
  });
  if (message.modern) return rpcText(idText, ACK);
  const now = (await findTask(gateway, task)) ?? task;
  return rpcText(idText, JSON.stringify(shape(now, null, gateway.clock.now())));
}

const ACK = '{"resultType":"complete"}';

/** The server knows the call by the id it came with. */
async function tellServer({ gateway }: TaskContext, message: TaskMessage, task: Task): Promise<void> {
  const request = await requestOfTask(gateway, task);
  if (request === null) return;
  const { idText } = taskRequestIn(request);
  const params = `{"requestId":${idText},"reason":"the agent cancelled its task"}`;
  const text = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`;
  const body = new TextEncoder().encode(text);
  await message.upstream.exchange({ method: 'POST', headers: message.headers, body, grant: task.grant });
}
