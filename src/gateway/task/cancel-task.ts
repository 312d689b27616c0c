import type { Task } from '../../ports.ts';
import { leave } from '../call/leave.ts';
import { giveUp } from '../dispatch/defer.ts';
import type { Gateway } from '../gateway.ts';

const UNANSWERED = 'the server asked for something, and the agent cancelled its task instead of answering';

/**
 * The agent cancels its task: its call is no longer wanted. `stop`: ends what runs for it, here and at the server. A
 * task that is over is left alone.
 */
export async function cancelTask(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'rules' | 'store' | 'tasks'>,
  task: Task,
  stop: () => Promise<void>,
): Promise<void> {
  const { tasks, clock } = gateway;
  const { id, joiner, grant, server } = task;
  const change = {
    id,
    from: ['held', 'input'],
    to: 'cancelled',
    at: clock.now(),
    note: 'the agent cancelled it',
  } as const;
  if (!(await tasks.changeTask(change))) return;
  await leave(gateway, { joiner, grant, server, reason: 'tasks/cancel' });
  // Answers that wait for an approval are taken back as well.
  const { leg } = task;
  if (leg !== null) await leave(gateway, { joiner: leg.joiner, grant, server, reason: 'tasks/cancel' });
  await stop();
  if (task.phase === 'input') await giveUp(gateway, task.approval, UNANSWERED);
}
