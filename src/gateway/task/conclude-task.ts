import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Task } from '../../ports.ts';
import { defer } from '../dispatch/defer.ts';
import { finish } from '../dispatch/finish.ts';
import { issueStateToCall } from '../dispatch/issued-states.ts';
import { record } from '../dispatch/record.ts';
import type { Gateway } from '../gateway.ts';
import type { FollowedTasks } from './followed-tasks.ts';
import { sealQuestions } from './questions.ts';
import { settleTask } from './settle-task.ts';
import type { Questions, TaskDoor, TaskSent, UpstreamTaskHandle } from './task-door.ts';

/** One attempt at a task's call, as it was sent. */
export interface TaskAttempt {
  readonly task: Task;
  readonly dispatch: Dispatch;
  /** The server's questions that this attempt answers; null: it is the first attempt. */
  readonly questions: Questions | null;
}

/**
 * Records the result of a task's call: its end, or that the server asks back (2026-07-28, MRTR), or that the server
 * runs it as a task of its own, in either era. The last two end later, and the approval stays dispatched until they do.
 */
export async function concludeTask(
  gateway: Pick<
    Gateway,
    | 'announcer'
    | 'callMemory'
    | 'clock'
    | 'faultPoint'
    | 'leases'
    | 'log'
    | 'longResults'
    | 'rules'
    | 'store'
    | 'tasks'
    | 'vault'
  >,
  door: TaskDoor,
  followed: FollowedTasks,
  attempt: TaskAttempt,
  { outcome, question, made }: TaskSent,
): Promise<void> {
  const { task, dispatch, questions } = attempt;
  if (outcome.kind === 'not_sent' && questions !== null) {
    // The agent is asked for its answers again, because they may be out of date by the next attempt.
    return askBack(gateway, door, attempt, { ...questions, given: {} }, outcome.why);
  }
  if (question !== null) {
    return askBack(gateway, door, attempt, { ...question, given: {}, round: (questions?.round ?? 0) + 1 });
  }
  if (made !== null) return followMade(gateway, followed, attempt, made);
  await settleTask(gateway, task, await finish(gateway, dispatch, outcome), door.answers);
}

/** The approval changes first, because an agent that sees the questions may answer at once. */
async function askBack(
  gateway: Pick<
    Gateway,
    | 'announcer'
    | 'callMemory'
    | 'clock'
    | 'faultPoint'
    | 'leases'
    | 'log'
    | 'longResults'
    | 'rules'
    | 'store'
    | 'tasks'
    | 'vault'
  >,
  door: TaskDoor,
  { task, dispatch }: TaskAttempt,
  questions: Questions,
  notSent?: string,
): Promise<void> {
  const at = gateway.clock.now();
  const until = dispatch.continues?.until ?? new Date(at.getTime() + gateway.rules.approval.pickupMs);
  const reason = notSent === undefined ? {} : { why: notSent };
  const approval = await defer(gateway, dispatch, { awaits: 'input', response: null, until, ...reason });
  if (approval.state !== 'dispatched') return settleTask(gateway, task, approval, door.answers);
  await record(gateway, dispatch, async () => {
    await issueStateToCall(gateway, approval, questions.requestState);
    return approval;
  });
  const kept = sealQuestions(gateway, task.id, questions);
  const note = 'the server asks for something';
  let asked = false;
  await record(gateway, dispatch, async () => {
    const change = { id: task.id, from: ['held', 'input'], to: 'input', at, kept, note, until } as const;
    asked = await gateway.tasks.changeTask(change);
    return approval;
  });
  if (asked) return;
  const why = 'the server asked for something, and the agent had taken its task back';
  await finish(gateway, dispatch, { kind: 'unknown', why });
}

/** The task is stored before the lease is lifted: a call that nobody follows must end as unknown. */
async function followMade(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'leases' | 'log' | 'store' | 'tasks' | 'vault'>,
  followed: FollowedTasks,
  { task, dispatch }: TaskAttempt,
  made: UpstreamTaskHandle,
): Promise<void> {
  const { tasks, clock } = gateway;
  await record(gateway, dispatch, async () => {
    await followed.add(dispatch, task, made);
    return dispatch.approval;
  });
  const change = { id: task.id, from: ['held'], to: 'relayed', at: clock.now(), kept: null, note: null } as const;
  const wanted = await tasks.changeTask(change);
  await defer(gateway, dispatch, { awaits: 'task' });
  // The agent cancelled its task while the call was being sent; only now can the server be told.
  if (!wanted) await made.cancel();
  const stored = await tasks.findFollowed(dispatch.approval.id);
  if (stored !== null) followed.follow(stored);
}
