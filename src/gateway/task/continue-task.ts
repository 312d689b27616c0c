import type { Dispatch } from '../../domain/approval/dispatch.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import type { Task } from '../../ports.ts';
import { giveUp, resume } from '../dispatch/defer.ts';
import type { Gateway } from '../gateway.ts';
import { requestOfTask } from './find-task.ts';
import type { TaskDoor } from './task-door.ts';

/** A task's call that continues, with what is needed to send it. */
export interface ContinuedTask {
  readonly task: Task;
  readonly request: Uint8Array;
  readonly dispatch: Dispatch;
}

/**
 * Continues a task once everything that the server asked is answered. The approval changes by one compare-and-swap,
 * with its event, before the answers are acknowledged and before anything is sent (P2, P7). A failure before that
 * leaves the question open; a death after it is reported as an unknown outcome. Null: it was answered, given up or
 * denied meanwhile.
 */
export async function continueTask(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'leases' | 'replica' | 'rules' | 'store' | 'tasks' | 'vault'>,
  door: Pick<TaskDoor, 'callOf'>,
  task: Task,
): Promise<ContinuedTask | null> {
  const { rules } = gateway;
  const request = await requestOfTask(gateway, task);
  if (request === null) return null;
  const principal = rules.principal(task.grant, task.server) ?? { grant: task.grant, owner: null, selfApproval: false };
  const policy = rules.policy(task.server);
  const verdict = policy === null ? null : evaluate(policy, door.callOf(request, task.server, principal));
  if (verdict === null || verdict.kind === 'deny') {
    await giveUp(gateway, task.approval, 'policy denies it since the server asked');
    return null;
  }
  const dispatch = await resume(gateway, task.approval, { task: task.id });
  return dispatch === null ? null : { task: { ...task, phase: 'held' }, request, dispatch };
}

/** Marks the task as running again. Best effort: only the status that its agent sees depends on it. */
export async function markContinued(
  { tasks, clock, log }: Pick<Gateway, 'clock' | 'log' | 'tasks'>,
  { id }: Task,
): Promise<void> {
  await tasks
    .changeTask({ id, from: ['input'], to: 'held', at: clock.now(), note: null, kept: null })
    .catch((error) => log.warn({ err: error, task: id }, 'a task is shown as waiting for input although it continues'));
}
