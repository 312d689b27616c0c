import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { rpcText } from '../protocol/response.ts';
import type { TaskContext } from './context.ts';
import { questionsFor } from './inbox.ts';
import { renamed } from './relay-task.ts';
import { shape } from './status.ts';
import { detailed, freshView } from './view.ts';

/** `tasks/get`: flat in 2025-11-25, with result, error or questions inlined in 2026-07-28. */
export async function getTask(hall: TaskContext, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs } = hall;
  const { tasks, clock } = gateway;
  const idText = message.idText ?? 'null';
  let { task, approval } = await freshView(gateway, found);
  if (task.phase === 'relayed') {
    // The server's own words while it runs; its end is recorded before the agent hears of it, and comes from here.
    const sight = await runs.pursuits.lookNow(task.approval);
    if (sight?.kind === 'open') return rpcText(idText, renamed(sight.text, ['taskId'], task.id));
    const now = (await tasks.findTask(task.id, task.grant, task.server, clock.now())) ?? task;
    ({ task, approval } = await freshView(gateway, now));
  }
  if (message.modern) {
    const text = await detailed(hall, task, approval, { resultType: 'complete' });
    if (task.phase === 'done') await tasks.fetchedTask(task.id, clock.now());
    return rpcText(idText, text);
  }
  const runsNow = task.phase === 'held' && approval?.state === 'dispatched';
  const asking = runsNow && (await questionsFor(gateway, task.id, 0)).length > 0;
  const shown = shape(task, approval, clock.now(), asking);
  // A failure is told by its message; only what is completed is still to be fetched by tasks/result.
  if (shown.status === 'failed') await tasks.fetchedTask(task.id, clock.now());
  return rpcText(idText, JSON.stringify(shown));
}
