import { isObject } from '../../domain/json/json.ts';
import { concludeTask } from '../../gateway/task/conclude-task.ts';
import { type ContinuedTask, continueTask, markContinued } from '../../gateway/task/continue-task.ts';
import { giveAnswers, type Questions, questionNames } from '../../gateway/task/questions.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { textAt, withMember } from '../json/edit.ts';
import { rpcError, rpcText } from '../protocol/response.ts';
import { sendHeld } from '../upstream/send.ts';
import type { TaskContext } from './context.ts';
import { relayTask } from './relay-task.ts';
import { taskRequestIn } from './request.ts';
import { readSent } from './server-side.ts';
import { freshView } from './view.ts';

const ACK = '{"resultType":"complete"}';

/**
 * `tasks/update` (2026-07-28): the agent answers what the server asked. Some keys may come now and others later; when
 * all are there the call goes on, as one more leg of the same call, under the same approval, once.
 */
export async function updateTask(context: TaskContext, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs, servers, door } = context;
  const { task } = await freshView(gateway, found);
  if (task.phase === 'relayed') return relayTask(context, message, task);
  const ack = rpcText(message.idText ?? 'null', ACK);
  const questions = await giveAnswers(gateway, task, (asked) => answersIn(message, asked));
  if (questions === null) return ack;
  const server = servers(task.server);
  if (server === undefined) {
    const refusal = `${task.server} is not configured now. Send the same answers again later.`;
    return rpcError(503, 503, refusal, message.idText ?? 'null');
  }
  const continued = await continueTask(gateway, door, task);
  if (continued !== null) runs.run(task.id, (signal) => goOn(context, message, continued, questions, signal));
  return ack;
}

/** The answers to what was asked, as their JSON texts; others are not looked at. */
function answersIn(message: TaskMessage, questions: Questions): Record<string, string> {
  const answers: Record<string, string> = {};
  for (const key of questionNames(questions)) {
    const text = textAt(message.text, ['params', 'inputResponses', key]);
    if (text !== null && isObject(JSON.parse(text))) answers[key] = text;
  }
  return answers;
}

async function goOn(
  { gateway, runs, door }: TaskContext,
  message: TaskMessage,
  { task, request: kept, dispatch }: ContinuedTask,
  questions: Questions,
  signal: AbortSignal,
): Promise<void> {
  await markContinued(gateway, task);
  const request = taskRequestIn(kept);
  const idText = JSON.stringify(`${task.id}-${questions.round}`);
  const bytes = new TextEncoder().encode(continuedText(request.text, idText, questions));
  const sent = await sendHeld({
    upstream: message.upstream,
    grant: task.grant,
    headers: { ...request.headers, ...message.headers, ...namesOf(request.headers) },
    bytes,
    idText,
    // 2026-07-28: a server asks by its answer, never by a request.
    meanwhile: () => undefined,
    signal,
  }).catch((error: Error) => ({ outcome: { kind: 'unknown', why: error.message } as const, event: null }));
  await concludeTask(gateway, door, runs.followed, { task, dispatch, questions }, readSent(task, sent, request));
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
