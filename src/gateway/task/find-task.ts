import { type Approval, isOver } from '../../domain/approval/approval.ts';
import type { Task } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { settleTask } from './settle-task.ts';
import type { TaskAnswers } from './task-door.ts';

/** A task with the approval that it waits for; null: the approval is gone. */
export interface FreshTask {
  readonly task: Task;
  readonly approval: Approval | null;
}

/** The grant's own task at this server; null: there is none, or it is too old. */
export function findTask(
  { tasks, clock }: Pick<Gateway, 'clock' | 'tasks'>,
  { id, grant, server }: Pick<Task, 'id' | 'grant' | 'server'>,
): Promise<Task | null> {
  return tasks.findTask(id, grant, server, clock.now());
}

/** The task in its current state; settles it first if its approval is over. */
export async function freshTask(
  gateway: Pick<Gateway, 'clock' | 'log' | 'rules' | 'store' | 'tasks' | 'vault'>,
  task: Task,
  answers: TaskAnswers,
): Promise<FreshTask> {
  const approval = await gateway.store.find(task.approval);
  const open = task.phase !== 'done' && task.phase !== 'cancelled';
  if (approval === null || !open || !isOver(approval.state)) return { task, approval };
  await settleTask(gateway, task, approval, answers);
  return { task: (await findTask(gateway, task)) ?? task, approval };
}

/** What is kept with the task: its answer, or what its server asks. Null: nothing is, or no longer. */
export async function keptWithTask(
  { tasks, vault }: Pick<Gateway, 'tasks' | 'vault'>,
  { id }: Task,
): Promise<Uint8Array | null> {
  const sealed = await tasks.taskBytes(id, 'kept');
  return sealed === null ? null : vault.open('result', id, sealed);
}

/**
 * The request that the task sends. Null: it is no longer kept, or is not that of the task's approval: a row of tasks that
 * names another approval must not bring its own request under that one's pass (P1).
 */
export async function requestOfTask(
  { tasks, vault }: Pick<Gateway, 'tasks' | 'vault'>,
  { id, approval }: Pick<Task, 'approval' | 'id'>,
): Promise<Uint8Array | null> {
  const sealed = await tasks.taskBytes(id, 'request');
  if (sealed === null) return null;
  try {
    return vault.open('request', requestRow({ id, approval }), sealed);
  } catch {
    return null;
  }
}

/** What the sealed request of a task is bound to. */
export function requestRow({ id, approval }: Pick<Task, 'approval' | 'id'>): string {
  return `${id} of ${approval}`;
}

/** Whether a request is kept with the task that does not open as that of its approval: its row was changed. */
export async function isRequestForeign(
  { tasks, vault }: Pick<Gateway, 'tasks' | 'vault'>,
  task: Pick<Task, 'approval' | 'id'>,
): Promise<boolean> {
  const isThere = (await tasks.taskBytes(task.id, 'request')) !== null;
  return isThere && (await requestOfTask({ tasks, vault }, task)) === null;
}

/**
 * The column of a task's row that names something else than its approval, or its leg, does; null: the call of this
 * approval, and of nothing else, is the task's. Where it is sent stands in both.
 */
export function foreignColumn(
  { approval, grant, server }: Task,
  found: Pick<Approval, 'answersTo' | 'grant' | 'id' | 'server'>,
): 'approval_id' | 'grant_name' | 'server' | null {
  if ((found.answersTo ?? found.id) !== approval) return 'approval_id';
  if (found.grant !== grant) return 'grant_name';
  return found.server === server ? null : 'server';
}

/** Records that the agent has fetched how the task ended. */
export function taskFetched({ tasks, clock }: Pick<Gateway, 'clock' | 'tasks'>, { id }: Task): Promise<void> {
  return tasks.fetchedTask(id, clock.now());
}
