import type { Approval } from '../../domain/approval/approval.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { type FreshTask, freshTask, keptWithTask } from '../../gateway/task/find-task.ts';
import { openQuestions } from '../../gateway/task/questions.ts';
import type { Task } from '../../ports.ts';
import { asMine } from '../hold/kept-answer.ts';
import { textAt, withMember, withoutMember } from '../json/edit.ts';
import { approvalMeta } from '../protocol/tool-results.ts';
import type { TaskContext } from './context.ts';
import { shape } from './status.ts';
import { TASK_ANSWERS } from './task-answers.ts';

const UTF8 = new TextDecoder();

/** A task as it stands now: settled if its approval is over. */
export function freshView(gateway: Gateway, task: Task): Promise<FreshTask> {
  return freshTask(gateway, task, TASK_ANSWERS);
}

/** The JSON-RPC response that is kept, with this request's id. */
export async function keptResponse(
  gateway: Gateway,
  task: Task,
  approval: Approval | null,
  idText: string,
): Promise<string | null> {
  const kept = await keptWithTask(gateway, task);
  if (kept === null) return null;
  const text = UTF8.decode(kept);
  return approval === null ? withMember(text, ['id'], idText) : asMine(text, idText, approvalMeta(approval));
}

/** DetailedTask (2026-07-28, tasks): the task with its result, error or questions inlined, as JSON text. */
export async function detailed(
  { gateway }: Pick<TaskContext, 'gateway'>,
  task: Task,
  approval: Approval | null,
  more: JsonObject,
): Promise<string> {
  const shown = JSON.stringify({ ...more, ...shape(task, approval, gateway.clock.now()) });
  if (task.phase === 'done') {
    const text = (await keptResponse(gateway, task, approval, '0')) ?? '{}';
    const error = textAt(text, ['error']);
    if (error !== null) return withMember(shown, ['error'], error);
    // The inlined result is one of its own, and says its type like any other.
    return withMember(shown, ['result'], typed(textAt(text, ['result']) ?? '{}'));
  }
  const questions = await openQuestions(gateway, task);
  if (questions === null || questions.inputRequests === null) return shown;
  let open = questions.inputRequests;
  for (const key of Object.keys(questions.given)) open = withoutMember(open, [key]);
  return withMember(shown, ['inputRequests'], open);
}

function typed(result: string): string {
  return textAt(result, ['resultType']) === null ? withMember(result, ['resultType'], '"complete"') : result;
}
