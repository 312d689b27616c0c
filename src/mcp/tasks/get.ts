import { findTask, taskFetched } from '../../gateway/task/find-task.ts';
import { serverQuestions } from '../../gateway/task/server-questions.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { rpcResult } from '../protocol/response.ts';
import type { TaskContext } from './context.ts';
import { withTaskId } from './relay-task.ts';
import { taskObject } from './status.ts';
import { detailedTaskText, freshView } from './view.ts';

/** `tasks/get`: the task's state alone in 2025-11-25; with its result, error or questions inlined in 2026-07-28. */
export async function getTask(context: TaskContext, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs } = context;
  const { clock } = gateway;
  const idText = message.idText ?? 'null';
  let { task, approval } = await freshView(gateway, found);
  if (task.phase === 'relayed') {
    // While the task runs, the agent gets the server's answer. The end is recorded first, and then comes from us.
    const state = await runs.followed.pollNow(task.approval);
    if (state?.kind === 'open') return rpcResult(idText, withTaskId(state.text, ['taskId'], task.id));
    const current = (await findTask(gateway, task)) ?? task;
    ({ task, approval } = await freshView(gateway, current));
  }
  if (message.modern) {
    const text = await detailedTaskText(context, task, approval, { resultType: 'complete' });
    if (task.phase === 'done') await taskFetched(gateway, task);
    return rpcResult(idText, text);
  }
  const running = task.phase === 'held' && approval?.state === 'dispatched';
  const asking = running && (await serverQuestions(gateway, task.id, 0)).length > 0;
  const shown = taskObject(task, approval, clock.now(), asking);
  // A failed task's message says everything; only a completed task's result still has to be fetched with tasks/result.
  if (shown.status === 'failed') await taskFetched(gateway, task);
  return rpcResult(idText, JSON.stringify(shown));
}
