import { isOver } from '../../domain/approval/approval.ts';
import type { Task, TaskLeg } from '../../ports.ts';
import { parkedCall, recordCollected } from '../call/seats.ts';
import { due, isLate } from '../decision/due.ts';
import { finish } from '../dispatch/finish.ts';
import { spend } from '../dispatch/spend.ts';
import type { Gateway } from '../gateway.ts';
import { concludeTask } from './conclude-task.ts';
import { markContinued } from './continue-task.ts';
import { foreignColumn } from './find-task.ts';
import type { FollowedTasks } from './followed-tasks.ts';
import { giveUpForeignTask } from './foreign-task.ts';
import { openQuestions, sealQuestions } from './questions.ts';
import type { TaskDoor } from './task-door.ts';

/** Milliseconds between two attempts to spend a leg that cannot be spent now. */
const RETRY_MS = 10_000;

/**
 * Goes on with a task whose answers wait for an approval. Any replica may do it: the leg's compare-and-swap lets one of
 * them send. Returns the milliseconds after which to try again; null: nothing is left to do now.
 *
 * | leg | task |
 * |---|---|
 * | approved | spent, and the task's call goes on with the approved answers, once |
 * | approved, but not sent | the agent is asked again; the same answers need no second yes |
 * | denied, expired, withdrawn, lapsed, unknown | the agent is asked again, and is told why |
 */
export async function answerTask(
  gateway: Gateway,
  door: TaskDoor,
  followed: FollowedTasks,
  { task, leg: link }: { readonly task: Task; readonly leg: TaskLeg },
  signal: AbortSignal,
): Promise<number | null> {
  const { store, clock, rules } = gateway;
  let leg = await store.find(link.approval);
  if (leg === null) return null;
  const foreign = leg.answersTo === null ? 'leg_id' : foreignColumn(task, leg);
  if (foreign !== null) {
    await giveUpForeignTask(gateway, task, foreign === 'approval_id' ? 'leg_id' : foreign);
    return null;
  }
  if (isLate(leg, clock.now())) leg = (await due(gateway, leg)) ?? leg;
  if (isOver(leg.state)) {
    await askAgain(gateway, task, link, `${leg.state}${leg.note === null ? '' : `: ${leg.note}`}`);
    return null;
  }
  if (leg.state !== 'approved') return null;
  const [request, questions] = [await parkedCall(gateway, leg), await openQuestions(gateway, task)];
  if (request === null || questions === null) return null;
  const unbound = { grant: task.grant, owner: leg.owner, selfApproval: false };
  const principal = rules.principal(task.grant, task.server, leg.owner) ?? unbound;
  const spent = await spend(gateway, leg, link.joiner, door.callOf(request, task.server, principal), false);
  if (spent.kind === 'over') await askAgain(gateway, task, link, `lapsed: ${spent.approval.note ?? ''}`);
  if (spent.kind === 'unsure') return RETRY_MS;
  if (spent.kind !== 'dispatch' || !spent.dispatch.parent) return null;
  const { dispatch } = spent;
  await markContinued(gateway, task);
  const sent = await door.send(task, request, false, signal);
  const attempt = {
    task: { ...task, phase: 'held', leg: null } as const,
    dispatch: dispatch.parent!.dispatch,
    questions,
  };
  await concludeTask(gateway, door, followed, attempt, sent);
  const ended = await finish(gateway, dispatch, sent.outcome);
  if (isOver(ended.state)) await recordCollected(gateway, link.joiner, ended);
  return null;
}

/** The server still waits: the agent may answer otherwise. `why`: for the agent. */
async function askAgain(gateway: Gateway, task: Task, { approval, joiner }: TaskLeg, why: string): Promise<void> {
  const { tasks, store, clock } = gateway;
  const questions = await openQuestions(gateway, task);
  const leg = await store.find(approval);
  if (questions === null || leg === null) return;
  const denial = leg.decisions.find(({ choice }) => choice === 'deny');
  const because =
    denial === undefined ? why : `denied by ${denial.approver}: ${denial.reason ?? 'no reason was given'}`;
  await tasks.changeTask({
    id: task.id,
    from: ['input'],
    to: 'input',
    at: clock.now(),
    note: `the answers were not sent (${because}); the server still asks`,
    kept: sealQuestions(gateway, task.id, { ...questions, given: {} }),
    leg: null,
    whileLeg: approval,
  });
  await recordCollected(gateway, joiner, leg);
}
