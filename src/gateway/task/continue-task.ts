import { answersMode } from '../../domain/approval/answer.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Call } from '../../domain/call/call.ts';
import { ALL_EXACT } from '../../domain/call/inexact.ts';
import { freezeWords } from '../../domain/freeze/freeze.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import { answersOf } from '../../domain/policy/rule.ts';
import type { Task } from '../../ports.ts';
import { handleLeg } from '../call/handle-call.ts';
import { leave } from '../call/leave.ts';
import { leaveSeatEmpty } from '../call/seats.ts';
import { giveUp, resume } from '../dispatch/defer.ts';
import { recordOfAnswer } from '../dispatch/given.ts';
import type { Gateway } from '../gateway.ts';
import { foreignColumn, isRequestForeign, requestOfTask } from './find-task.ts';
import { giveUpForeignTask } from './foreign-task.ts';
import { sealQuestions } from './questions.ts';
import type { Questions, TaskDoor } from './task-door.ts';

/** What becomes of a task once everything that its server asked is answered. */
export type ContinuedTask =
  /** It continues: the request is to be sent now. */
  | {
      readonly kind: 'continued';
      readonly task: Task;
      readonly request: Uint8Array;
      readonly dispatch: Dispatch;
    }
  /** Its answers wait for this approval. */
  | { readonly kind: 'asked'; readonly leg: Approval }
  /** The answers cannot be asked about now; `why`, in words for the agent. */
  | { readonly kind: 'refused'; readonly why: string };

/**
 * Continues a task once everything that the server asked is answered, or asks for a yes for the answers first. The
 * approval changes by one compare-and-swap, with its events, before the answers are acknowledged and before anything is
 * sent (P2, P7). A failure before that leaves the question open; a death after it is reported as an unknown outcome.
 * Null: it was answered, given up or denied meanwhile.
 */
export async function continueTask(
  gateway: Gateway,
  door: Pick<TaskDoor, 'answering' | 'callOf' | 'serversWord'>,
  task: Task,
  questions: Questions,
): Promise<ContinuedTask | null> {
  const { rules } = gateway;
  const [kept, parent] = [await requestOfTask(gateway, task), await gateway.store.find(task.approval)];
  if (kept === null && (await isRequestForeign(gateway, task))) await giveUpForeignTask(gateway, task, 'request');
  if (kept === null || parent === null) return null;
  const foreign = foreignColumn(task, parent);
  if (foreign !== null) await giveUpForeignTask(gateway, task, foreign);
  if (gateway.alarms.why !== null || parent.broken !== null || foreign !== null) {
    return { kind: 'refused', why: 'records were changed outside Holdfast, so that nothing can be decided' };
  }
  const request = door.answering(task, kept, questions);
  const principal = rules.principal(task.grant, task.server, parent.owner);
  if (principal === null) {
    await giveUp(
      gateway,
      task.approval,
      'its grant was revoked, or its account is somebody else’s, since the server asked',
    );
    return null;
  }
  const call = door.callOf(request, task.server, principal);
  const policy = rules.policy(task.server);
  const history = policy === null ? null : await gateway.callMemory.historyFor(policy, call, task.approval);
  const verdict = policy === null || history === null ? null : evaluate(policy, call, history);
  if (policy === null || verdict === null || verdict.kind === 'deny') {
    await giveUp(gateway, task.approval, 'policy denies it since the server asked');
    return null;
  }
  if (answersMode(parent.requirement.answers, answersOf(policy, call.tool)) === 'ask') {
    return askAboutAnswers(gateway, { task, parent, call, request, questions, asked: door.serversWord(questions) });
  }
  const answer = await recordOfAnswer(gateway, call, {
    kind: 'result',
    parent: task.approval,
    leg: null,
    at: gateway.clock.now(),
  });
  const dispatch = await resume(gateway, task.approval, { task: task.id }, answer);
  const freeze = dispatch === null ? await gateway.knownFreezes.lookAgain(task) : null;
  if (freeze !== null) return { kind: 'refused', why: freezeWords(freeze) };
  return dispatch === null ? null : { kind: 'continued', task: { ...task, phase: 'held' }, request, dispatch };
}

interface AskedTask {
  readonly task: Task;
  readonly parent: Approval;
  readonly call: Call;
  readonly request: Uint8Array;
  readonly questions: Questions;
  readonly asked: string;
}

/**
 * Opens the leg and links the task to it. The link is one compare-and-swap: of two sets of answers at once the first
 * counts, and the other's leg is left. A death before the link leaves a leg that the same answers, sent again, join.
 */
async function askAboutAnswers(
  gateway: Gateway,
  { task, parent, call, request, questions, asked }: AskedTask,
): Promise<ContinuedTask | null> {
  const handled = await handleLeg(gateway, {
    call,
    policy: gateway.rules.policy(task.server),
    bytes: request,
    requestId: JSON.stringify(task.id),
    inexact: ALL_EXACT,
    freeze: () => request,
    gatedFault: () => null,
    statedReason: null,
    leg: { parent, asked: { n: parent.questions, kind: 'result', text: asked } },
  });
  if (handled.kind === 'unasked' || handled.kind === 'denied') return null;
  if (handled.kind !== 'held') return { kind: 'refused', why: 'nobody can be asked about these answers now' };
  const { approval: leg, joiner } = handled.seat;
  // Nobody holds a stream for a task.
  await leaveSeatEmpty(gateway, joiner);
  const linked = await gateway.tasks.changeTask({
    id: task.id,
    from: ['input'],
    to: 'input',
    at: gateway.clock.now(),
    note: `the answers wait for approval (${leg.id})`,
    kept: sealQuestions(gateway, task.id, questions),
    leg: { approval: leg.id, joiner },
    whileLeg: null,
  });
  if (linked) return { kind: 'asked', leg };
  await leave(gateway, { joiner, grant: task.grant, server: task.server, reason: 'other answers came first' });
  return null;
}

/** Marks the task as running again. Best effort: only the status that its agent sees depends on it. */
export async function markContinued(
  { tasks, clock, log }: Pick<Gateway, 'clock' | 'log' | 'tasks'>,
  { id }: Task,
): Promise<void> {
  await tasks
    .changeTask({ id, from: ['input'], to: 'held', at: clock.now(), note: null, kept: null, leg: null })
    .catch((error) => log.warn({ err: error, task: id }, 'a task is shown as waiting for input although it continues'));
}
