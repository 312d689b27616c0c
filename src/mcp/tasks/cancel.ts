import { leave } from '../../gateway/call/leave.ts';
import { giveUp } from '../../gateway/dispatch/defer.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { INVALID_PARAMS, rpcError, rpcText } from '../protocol/response.ts';
import type { TaskContext } from './context.ts';
import { relayTask } from './relay-task.ts';
import { openTaskRequest } from './request.ts';
import { isTerminal, shape, statusOf } from './status.ts';
import { freshView } from './view.ts';

/**
 * `tasks/cancel`: the call is no longer wanted. What still waits is withdrawn and its card says so; what already runs
 * is told to the server, and its outcome is recorded all the same.
 */
export async function cancelTask(hall: TaskContext, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs } = hall;
  const idText = message.idText ?? 'null';
  const { task, approval } = await freshView(gateway, found);
  if (task.phase === 'relayed') {
    const answered = await relayTask(hall, message, task);
    // What comes of it is recorded before the agent hears.
    await runs.pursuits.lookNow(task.approval);
    return answered;
  }
  if (isTerminal(statusOf(task))) {
    // A second cancellation is no error in 2026-07-28, and one in 2025-11-25.
    if (message.modern) return rpcText(idText, ACK);
    return rpcError(200, INVALID_PARAMS, `The task is ${statusOf(task)} already.`, idText);
  }
  const at = gateway.clock.now();
  const note = 'the agent cancelled it';
  const from = ['held', 'input'] as const;
  const cancelled = await gateway.tasks.changeTask({ id: task.id, from, to: 'cancelled', at, note });
  if (cancelled) {
    await leave(gateway, { joiner: task.joiner, grant: task.grant, server: task.server, reason: 'tasks/cancel' });
    if (approval?.state === 'dispatched' && !message.modern) await tellServer(hall, message, task);
    runs.abandon(task.id);
    if (task.phase === 'input') await giveUp(gateway, task.approval, UNANSWERED);
  }
  if (message.modern) return rpcText(idText, ACK);
  const now = (await gateway.tasks.findTask(task.id, task.grant, task.server, at)) ?? task;
  return rpcText(idText, JSON.stringify(shape(now, null, at)));
}

const UNANSWERED = 'the server asked for something, and the agent cancelled its task instead of answering';
const ACK = '{"resultType":"complete"}';

/** The server knows the call by the id it came with. */
async function tellServer({ gateway }: TaskContext, message: TaskMessage, task: Task): Promise<void> {
  const sealed = await gateway.tasks.taskBytes(task.id, 'request');
  if (sealed === null) return;
  const { idText } = openTaskRequest(gateway.vault, task, sealed);
  const params = `{"requestId":${idText},"reason":"the agent cancelled its task"}`;
  const text = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`;
  const body = new TextEncoder().encode(text);
  await message.upstream.exchange({ method: 'POST', headers: message.headers, body, grant: task.grant });
}
