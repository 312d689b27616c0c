import type { Task } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { tellForeignTask } from '../log/seal-watch.ts';

/**
 * A task whose row names something else than its own approval does: the alarm is raised, and the task is given up, so that
 * it is not found again once an operator has accepted the store.
 */
export async function giveUpForeignTask(
  gateway: Pick<Gateway, 'alarmEvents' | 'alarms' | 'clock' | 'log' | 'tasks'>,
  task: Task,
  field: Parameters<typeof tellForeignTask>[2],
): Promise<void> {
  tellForeignTask(gateway, task, field);
  await gateway.tasks.changeTask({
    id: task.id,
    from: ['held', 'input', 'relayed'],
    to: 'cancelled',
    at: gateway.clock.now(),
    note: 'its record was changed outside Holdfast; nothing was sent for it since',
  });
}
