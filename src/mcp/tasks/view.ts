import type { Approval } from '../../domain/approval/approval.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { rememberHandedOut } from '../../gateway/dispatch/kept-result.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { type FreshTask, freshTask, keptWithTask } from '../../gateway/task/find-task.ts';
import { openQuestions } from '../../gateway/task/questions.ts';
import type { Task } from '../../ports.ts';
import { responseForCaller } from '../hold/kept-answer.ts';
import { textAt, withMember, withoutMember } from '../json/edit.ts';
import { approvalMeta } from '../protocol/tool-results.ts';
import type { TaskContext } from './context.ts';
import { taskObject } from './status.ts';
import { TASK_ANSWERS } from './task-answers.ts';

const UTF8 = new TextDecoder();

/** The task as it is now: settled if its approval has ended. */
export function freshView(gateway: Gateway, task: Task): Promise<FreshTask> {
  return freshTask(gateway, task, TASK_ANSWERS);
}

/** The JSON-RPC response stored for the task, with this request's id; null: none is stored. */
export async function keptResponse(
  gateway: Gateway,
  task: Task,
  approval: Approval | null,
  idText: string,
): Promise<string | null> {
  const kept = await keptWithTask(gateway, task);
  if (kept === null) return null;
  if (approval !== null) await rememberHandedOut(gateway, approval);
  const text = UTF8.decode(kept);
  return approval === null ? withMember(text, ['id'], idText) : responseForCaller(text, idText, approvalMeta(approval));
}

/** DetailedTask (2026-07-28, tasks) as JSON text: the task with its result, error or open questions inlined. */
export async function detailedTaskText(
  { gateway }: Pick<TaskContext, 'gateway'>,
  task: Task,
  approval: Approval | null,
  more: JsonObject,
): Promise<string> {
  const shown = JSON.stringify({ ...more, ...taskObject(task, approval, gateway.clock.now()) });
  if (task.phase === 'done') {
    const text = (await keptResponse(gateway, task, approval, '0')) ?? '{}';
    const error = textAt(text, ['error']);
    if (error !== null) return withMember(shown, ['error'], error);
    // An inlined result has a `resultType` like any other result.
    return withMember(shown, ['result'], withResultType(textAt(text, ['result']) ?? '{}'));
  }
  // What is answered is not asked again while the answers wait for a person.
  const questions = task.leg === null ? await openQuestions(gateway, task) : null;
  if (questions === null || questions.inputRequests === null) return shown;
  let open = questions.inputRequests;
  for (const key of Object.keys(questions.given)) open = withoutMember(open, [key]);
  return withMember(shown, ['inputRequests'], open);
}

function withResultType(result: string): string {
  return textAt(result, ['resultType']) === null ? withMember(result, ['resultType'], '"complete"') : result;
}
