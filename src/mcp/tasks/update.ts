import { evaluate } from '../../domain/evaluate.ts';
import { isObject } from '../../domain/json.ts';
import { giveUp, resume } from '../../gateway/dispatch/defer.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { textAt, withMember } from '../json/edit.ts';
import { rpcError, rpcText } from '../protocol/response.ts';
import { sendHeld } from '../upstream/send.ts';
import { type Attempt, concludeTask, type Questions } from './conclude.ts';
import type { TaskContext } from './context.ts';
import { relayTask } from './relay-task.ts';
import { callOfTask, openTaskRequest } from './request.ts';
import { freshView, questionsOf } from './view.ts';

const ACK = '{"resultType":"complete"}';
const UTF8 = new TextDecoder();

/**
 * `tasks/update` (2026-07-28): the agent answers what the server asked. Some keys may come now and others later; when
 * all are there the call goes on, as one more leg of the same call, under the same approval, once.
 */
export async function updateTask(hall: TaskContext, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs } = hall;
  const { task } = await freshView(gateway, found);
  if (task.phase === 'relayed') return relayTask(hall, message, task);
  const ack = rpcText(message.idText ?? 'null', ACK);
  for (;;) {
    const over = task.phase === 'input' ? await gateway.tasks.taskBytes(task.id, 'kept') : null;
    if (over === null) return ack;
    const questions = JSON.parse(UTF8.decode(gateway.vault.open('result', task.id, over))) as Questions;
    const given = { ...questions.given, ...answersIn(message, questions) };
    const complete = keysOf(questions).every((key) => Object.hasOwn(given, key));
    const at = gateway.clock.now();
    const next: Questions = { ...questions, given };
    const kept = gateway.vault.seal('result', task.id, new TextEncoder().encode(JSON.stringify(next)));
    if (complete) {
      const leg = await nextLeg(hall, task);
      if ('dispatch' in leg) runs.follow(task.id, (signal) => goOn(hall, message, leg, next, signal));
      return 'refused' in leg ? rpcError(503, 503, leg.refused, message.idText ?? 'null') : ack;
    }
    if (await gateway.tasks.changeTask({ id: task.id, from: ['input'], to: 'input', at, over, kept })) return ack;
    if ((await questionsOf(gateway, task)) === null) return ack;
  }
}

type NextLeg = Omit<Attempt, 'questions' | 'session'>;

/**
 * P2, P7: the approval goes on by one compare-and-swap, with its event, before the answers are acknowledged and anything
 * is sent. What fails before it leaves the question standing; a death after it is an unknown outcome, told as such.
 */
async function nextLeg(
  { gateway, runs }: TaskContext,
  task: Task,
): Promise<NextLeg | { refused: string } | { over: true }> {
  const { rules } = gateway;
  const server = runs.server(task.server);
  if (server === undefined)
    return { refused: `${task.server} is not configured now. Send the same answers again later.` };
  const sealed = await gateway.tasks.taskBytes(task.id, 'request');
  if (sealed === null) return { over: true };
  const request = openTaskRequest(gateway.vault, task, sealed);
  const principal = rules.principal(task.grant, task.server) ?? { grant: task.grant, owner: null, selfApproval: false };
  const policy = rules.policy(task.server);
  const verdict = policy === null ? null : evaluate(policy, callOfTask(request, principal, task.server));
  if (verdict === null || verdict.kind === 'deny') {
    await giveUp(gateway, task.approval, 'policy denies it since the server asked');
    return { over: true };
  }
  const dispatch = await resume(gateway, task.approval, { task: task.id });
  // null: it was answered, or given up, meanwhile; the approval says how it ended.
  return dispatch === null ? { over: true } : { task: { ...task, phase: 'held' }, server, request, dispatch };
}

function keysOf({ inputRequests }: Questions): string[] {
  const asked: unknown = JSON.parse(inputRequests ?? '{}');
  return isObject(asked) ? Object.keys(asked) : [];
}

/** The answers to what was asked, as their JSON texts; others are not looked at. */
function answersIn(message: TaskMessage, questions: Questions): Record<string, string> {
  const answers: Record<string, string> = {};
  for (const key of keysOf(questions)) {
    const text = textAt(message.text, ['params', 'inputResponses', key]);
    if (text !== null && isObject(JSON.parse(text))) answers[key] = text;
  }
  return answers;
}

async function goOn(
  { gateway, runs }: TaskContext,
  message: TaskMessage,
  leg: NextLeg,
  questions: Questions,
  signal: AbortSignal,
): Promise<void> {
  const { task, request } = leg;
  const { tasks, clock } = gateway;
  const at = clock.now();
  const started = { id: task.id, from: ['input'], to: 'held', at, note: null, kept: null } as const;
  await tasks
    .changeTask(started)
    .catch((error) =>
      gateway.log.warn({ err: error, task: task.id }, 'a task reads as waiting for input while it goes on'),
    );
  const idText = JSON.stringify(`${task.id}-${questions.round}`);
  const bytes = new TextEncoder().encode(continuedText(request.text, idText, questions));
  const { outcome } = await sendHeld({
    upstream: message.upstream,
    grant: task.grant,
    headers: { ...request.headers, ...message.headers, ...namesOf(request.headers) },
    bytes,
    idText,
    // 2026-07-28: a server asks by its answer, never by a request.
    meanwhile: () => undefined,
    signal,
  }).catch((error: Error) => ({ outcome: { kind: 'unknown', why: error.message } as const }));
  await concludeTask(gateway, runs.pursuits, { ...leg, session: null, questions }, outcome);
}

/** The same call with a new id, the server's state and the agent's answers. */
function continuedText(text: string, idText: string, { given, requestState }: Questions): string {
  const answers = `{${Object.entries(given).map(([key, json]) => `${JSON.stringify(key)}:${json}`)}}`;
  const answered = withMember(withMember(text, ['id'], idText), ['params', 'inputResponses'], answers);
  return requestState === null
    ? answered
    : withMember(answered, ['params', 'requestState'], JSON.stringify(requestState));
}

/** What the call's own headers say of it; the message that brings the answers says something else. */
function namesOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => name === 'mcp-method' || name === 'mcp-name' || name.startsWith('mcp-param-'),
    ),
  );
}
