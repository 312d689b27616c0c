import { type Approval, isOver } from '../../domain/approval.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Task } from '../../ports.ts';
import { asMine } from '../hold/kept-answer.ts';
import { textAt, withMember, withoutMember } from '../json/edit.ts';
import { approvalMeta } from '../protocol/tool-results.ts';
import type { Questions } from './conclude.ts';
import type { TaskContext } from './context.ts';
import { settle } from './settle.ts';
import { shape } from './status.ts';

const UTF8 = new TextDecoder();

/** A task as it stands now: settled if its approval is over. */
export async function freshView(
  gateway: Gateway,
  task: Task,
): Promise<{ readonly task: Task; readonly approval: Approval | null }> {
  const { store, tasks, clock } = gateway;
  const approval = await store.find(task.approval);
  const open = task.phase !== 'done' && task.phase !== 'cancelled';
  if (approval === null || !open || !isOver(approval.state)) return { task, approval };
  await settle(gateway, task, approval);
  return { task: (await tasks.findTask(task.id, task.grant, task.server, clock.now())) ?? task, approval };
}

/** What is kept with the task, as text. */
export async function keptText(gateway: Gateway, task: Task): Promise<string | null> {
  const sealed = await gateway.tasks.taskBytes(task.id, 'kept');
  return sealed === null ? null : UTF8.decode(gateway.vault.open('result', task.id, sealed));
}

/** The JSON-RPC response that is kept, with this request's id. */
export async function keptResponse(
  gateway: Gateway,
  task: Task,
  approval: Approval | null,
  idText: string,
): Promise<string | null> {
  const text = await keptText(gateway, task);
  if (text === null) return null;
  return approval === null ? withMember(text, ['id'], idText) : asMine(text, idText, approvalMeta(approval));
}

/** The questions as the agent is to see them: without those it has answered. */
export async function questionsOf(gateway: Gateway, task: Task): Promise<Questions | null> {
  const text = task.phase === 'input' ? await keptText(gateway, task) : null;
  return text === null ? null : (JSON.parse(text) as Questions);
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
  const questions = await questionsOf(gateway, task);
  if (questions === null || questions.inputRequests === null) return shown;
  let open = questions.inputRequests;
  for (const key of Object.keys(questions.given)) open = withoutMember(open, [key]);
  return withMember(shown, ['inputRequests'], open);
}

function typed(result: string): string {
  return textAt(result, ['resultType']) === null ? withMember(result, ['resultType'], '"complete"') : result;
}
