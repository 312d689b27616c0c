import { concludeTask } from '../../gateway/task/conclude-task.ts';
import { type ContinuedTask, continueTask, markContinued } from '../../gateway/task/continue-task.ts';
import { giveAnswers, LONGEST_ANSWERS, type Questions, questionNames } from '../../gateway/task/questions.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { withMember } from '../json/edit.ts';
import { membersAt, OPEN_OBJECT, spanOf } from '../json/text.ts';
import { rpcError, rpcResult } from '../protocol/response.ts';
import { sendOnce } from '../upstream/send.ts';
import type { ServerEntry } from '../upstream/server.ts';
import type { TaskContext } from './context.ts';
import { relayTask } from './relay-task.ts';
import { taskCallHeaders, taskRequestIn } from './request.ts';
import { readSent } from './server-side.ts';
import { freshView } from './view.ts';

const ACK = '{"resultType":"complete"}';

/**
 * `tasks/update` (2026-07-28): the agent answers what the server asked. It may send some answers now and others later;
 * once all have come, the call is continued under the same approval, exactly once.
 */
export async function updateTask(context: TaskContext, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs, servers, door } = context;
  const { task } = await freshView(gateway, found);
  if (task.phase === 'relayed') return relayTask(context, message, task);
  const ack = rpcResult(message.idText ?? 'null', ACK);
  const questions = await giveAnswers(gateway, task, (asked) => answersIn(message, asked));
  if (questions === null) return ack;
  if (questions === 'too_long') {
    const refusal = `params.inputResponses: all answers to one question have at most ${LONGEST_ANSWERS} characters; shorten them.`;
    return rpcError(413, 413, refusal, message.idText ?? 'null');
  }
  const server = servers(task.server);
  if (server === undefined) {
    const refusal = `${task.server} is not configured now. Send the same answers again later.`;
    return rpcError(503, 503, refusal, message.idText ?? 'null');
  }
  const continued = await continueTask(gateway, door, task);
  if (continued !== null) runs.run(task.id, (signal) => sendContinued(context, server, continued, questions, signal));
  return ack;
}

/**
 * The answers to the questions asked, by their names, as JSON texts. Other answers are ignored. The message is read once,
 * however many there are.
 */
function answersIn({ text }: Pick<TaskMessage, 'text'>, questions: Questions): Record<string, string> {
  const asked = new Set(questionNames(questions));
  const responses = spanOf(text, ['params', 'inputResponses']);
  const answers: Record<string, string> = Object.create(null);
  if (responses === null) return answers;
  for (const { key, start, end } of membersAt(text, responses.start)) {
    if (!asked.has(key) || text.charCodeAt(start) !== OPEN_OBJECT) continue;
    answers[key] = text.slice(start, end);
  }
  return answers;
}

async function sendContinued(
  { gateway, runs, door }: TaskContext,
  server: ServerEntry,
  { task, request: kept, dispatch }: ContinuedTask,
  questions: Questions,
  signal: AbortSignal,
): Promise<void> {
  await markContinued(gateway, task);
  const request = taskRequestIn(kept);
  const idText = JSON.stringify(`${task.id}-${questions.round}`);
  const bytes = new TextEncoder().encode(continuedText(request.text, idText, questions));
  const sent = await sendOnce({
    upstream: server.upstream,
    grant: task.grant,
    headers: taskCallHeaders(request, server),
    bytes,
    idText,
    // In 2026-07-28 a server asks with its response, never with a request of its own.
    onEvent: () => undefined,
    signal,
  }).catch((error: Error) => ({ outcome: { kind: 'unknown', why: error.message } as const, event: null }));
  const read = await readSent(task, server, sent, request);
  await concludeTask(gateway, door, runs.followed, { task, dispatch, questions }, read);
}

/** The same call with a new id, the server's state and the agent's answers, as JSON text. */
function continuedText(text: string, idText: string, { given, requestState }: Questions): string {
  const answers = `{${Object.entries(given).map(([key, json]) => `${JSON.stringify(key)}:${json}`)}}`;
  const answered = withMember(withMember(text, ['id'], idText), ['params', 'inputResponses'], answers);
  return requestState === null
    ? answered
    : withMember(answered, ['params', 'requestState'], JSON.stringify(requestState));
}
