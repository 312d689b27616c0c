import { type Approval, isOver } from '../../domain/approval/approval.ts';
import { approvalsCounted } from '../../domain/approval/tally.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { Task, TaskChange } from '../../ports.ts';
import { counterTold } from '../counter/told-counter.ts';
import { keptResult } from '../dispatch/kept-result.ts';
import type { Gateway } from '../gateway.ts';
import type { TaskAnswers } from './task-door.ts';

const UTF8 = new TextDecoder();

/** Gives a task the result of its approval, once that is over. Running it twice, or on two replicas, does no harm. */
export async function settleTask(
  gateway: Pick<Gateway, 'clock' | 'frozenCalls' | 'log' | 'rules' | 'store' | 'tasks' | 'vault'>,
  task: Task,
  approval: Approval,
  answers: TaskAnswers,
): Promise<void> {
  if (task.phase === 'done' || task.phase === 'cancelled' || !isOver(approval.state)) return;
  const answeredByServer = approval.state === 'succeeded' || approval.state === 'failed';
  const response = answeredByServer ? await keptResult(gateway, approval) : null;
  const change =
    response === null
      ? await endedWithoutAnswer(gateway, task, approval, answers)
      : endedWith(gateway, task, UTF8.decode(response), answers);
  if (await gateway.tasks.changeTask(change)) await markServed(gateway, task, approval);
}

/** The task now keeps the answer, so its seat at the approval counts as served. */
async function markServed(
  gateway: Pick<Gateway, 'clock' | 'log' | 'store'>,
  task: Task,
  approval: Approval,
): Promise<void> {
  const { store, clock, log } = gateway;
  const votes = approvalsCounted(approval);
  const data = { joiner: task.joiner, task: task.id, state: approval.state, votes };
  const event = { type: 'approval.collected', at: clock.now(), actor: `grant:${task.grant}`, data } as const;
  await store
    .collected(task.joiner, approvalEvent(approval, event))
    .catch((error) => log.warn({ err: error }, 'a collected answer could not be recorded'));
}

async function endedWithoutAnswer(
  gateway: Pick<Gateway, 'clock' | 'frozenCalls' | 'rules' | 'store' | 'vault'>,
  task: Task,
  approval: Approval,
  answers: TaskAnswers,
): Promise<TaskChange> {
  const { response, note } = answers.withoutAnswer(approval, await counterTold(gateway, approval));
  // Its result is lost, not its success: a client that is told so asks for the result and reads why there is none.
  const outcome = approval.state === 'succeeded' ? 'completed' : 'tool_error';
  return { ...endedWith(gateway, task, response, answers), outcome, note };
}

/** Keeps the answer for as long as a late agent may fetch it. */
function endedWith(
  gateway: Pick<Gateway, 'clock' | 'rules' | 'vault'>,
  { id, phase }: Task,
  response: string,
  answers: TaskAnswers,
): TaskChange {
  const at = gateway.clock.now();
  const until = new Date(at.getTime() + gateway.rules.approval.pickupMs);
  const kept = gateway.vault.seal('result', id, new TextEncoder().encode(response));
  return { id, from: [phase], to: 'done', at, outcome: answers.outcomeOf(response), note: null, kept, until };
}
