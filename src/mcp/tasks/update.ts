import { concludeTask } from '../../gateway/task/conclude-task.ts';
import { type ContinuedTask, continueTask, markContinued } from '../../gateway/task/continue-task.ts';
import { giveAnswers, LONGEST_ANSWERS, questionNames } from '../../gateway/task/questions.ts';
import type { Questions } from '../../gateway/task/task-door.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { membersAt, OPEN_OBJECT, spanOf } from '../json/text.ts';
import { INVALID_PARAMS, rpcError, rpcResult } from '../protocol/response.ts';
import type { TaskContext } from './context.ts';
import { updateRelayed } from './update-relayed.ts';
import { freshView } from './view.ts';

const ACK = '{"resultType":"complete"}';

/**
 * `tasks/update` (2026-07-28): the agent answers what the server asked. It may send some answers now and others later;
 * once all have come, the call is continued under the same approval, exactly once.
 */
export async function updateTask(context: TaskContext, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs, servers, door } = context;
  const { task } = await freshView(gateway, found);
  const [inexact] = message.inexact.list;
  if (inexact !== undefined) {
    const why = `the value at ${inexact.pointer} cannot be kept exactly, so what an approver sees might not be what is sent`;
    return rpcError(400, INVALID_PARAMS, `Not sent: ${why}. Send it as a string.`, message.idText ?? 'null');
  }
  if (task.phase === 'relayed') return updateRelayed(context, message, task);
  // Answers that wait for an approval are not replaced by others meanwhile.
  const ack = rpcResult(message.idText ?? 'null', ACK);
  if (task.leg !== null) return ack;
  const questions = await giveAnswers(gateway, task, (asked) => answersIn(message, asked));
  if (questions === null) return ack;
  if (questions === 'too_long') {
    const refusal = `params.inputResponses: all answers to one question have at most ${LONGEST_ANSWERS} characters; shorten them.`;
    return rpcError(413, 413, refusal, message.idText ?? 'null');
  }
  if (servers(task.server) === undefined) {
    const refusal = `${task.server} is not configured now. Send the same answers again later.`;
    return rpcError(503, 503, refusal, message.idText ?? 'null');
  }
  const continued = await continueTask(gateway, door, task, questions);
  switch (continued?.kind) {
    case 'continued':
      runs.run(task.id, (signal) => sendContinued(context, continued, questions, signal));
      return ack;
    case 'asked':
      runs.watch(continued.leg);
      return ack;
    case 'refused':
      return rpcError(
        503,
        503,
        `Not sent: ${continued.why}. Send the same answers again later.`,
        message.idText ?? 'null',
      );
    default:
      return ack;
  }
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
  { task, request, dispatch }: Extract<ContinuedTask, { kind: 'continued' }>,
  questions: Questions,
  signal: AbortSignal,
): Promise<void> {
  await markContinued(gateway, task);
  const sent = await door.send(task, request, false, signal);
  await concludeTask(gateway, door, runs.followed, { task, dispatch, questions }, sent);
}
