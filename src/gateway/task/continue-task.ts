import type { Dispatch } from '../../domain/approval/dispatch.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import type { Task } from '../../ports.ts';
import { giveUp, resume } from '../dispatch/defer.ts';
import type { Gateway } from '../gateway.ts';
import { requestOfTask } from './find-task.ts';
import type { TaskDoor } from './task-door.ts';

/** A task's call that goes on, with what sends it. */
export interface ContinuedTask {
  readonly task: Task;
  readonly request: Uint8Array;
  readonly dispatch: Dispatch;
}

/**
 * All that the server asked of a task is answered: its approval goes on by one compare-and-swap, with its event, before
 * the answers are acknowledged and before anything is sent (P2, P7). What fails before that leaves the question
 * standing; a death after it is an unknown outcome, told as such. Null: it was answered, given up or denied meanwhile.
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

/** The task reads as running again. Best effort: only what its agent is told depends on it. */
export async function markContinued(
  { tasks, clock, log }: Pick<Gateway, 'clock' | 'log' | 'tasks'>,
  { id }: Task,
): Promise<void> {
  await tasks
    .changeTask({ id, from: ['input'], to: 'held', at: clock.now(), note: null, kept: null })
    .catch((error) => log.warn({ err: error, task: id }, 'a task reads as waiting for input while it goes on'));
}
