import { findTask, taskFetched } from '../../gateway/task/find-task.ts';
import { serverQuestions } from '../../gateway/task/server-questions.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { rpcText } from '../protocol/response.ts';
import type { TaskContext } from './context.ts';
import { renamed } from './relay-task.ts';
import { shape } from './status.ts';
import { detailed, freshView } from './view.ts';

/** `tasks/get`: flat in 2025-11-25, with result, error or questions inlined in 2026-07-28. */
export async function getTask(context: TaskContext, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs } = context;
  const { clock } = gateway;
  const idText = message.idText ?? 'null';
  let { task, approval } = await freshView(gateway, found);
  if (task.phase === 'relayed') {
    // The server's own words while it runs; its end is recorded before the agent hears of it, and comes from here.
    const state = await runs.followed.lookNow(task.approval);
    if (state?.kind === 'open') return rpcText(idText, renamed(state.text, ['taskId'], task.id));
    const now = (await findTask(gateway, task)) ?? task;
    ({ task, approval } = await freshView(gateway, now));
  }
  if (message.modern) {
    const text = await detailed(context, task, approval, { resultType: 'complete' });
    if (task.phase === 'done') await taskFetched(gateway, task);
    return rpcText(idText, text);
  }
  const runsNow = task.phase === 'held' && approval?.state === 'dispatched';
  const asking = runsNow && (await serverQuestions(gateway, task.id, 0)).length > 0;
  const shown = shape(task, approval, clock.now(), asking);
  // A failure is told by its message; only what is completed is still to be fetched by tasks/result.
  if (shown.status === 'failed') await taskFetched(gateway, task);
  return rpcText(idText, JSON.stringify(shown));
}
