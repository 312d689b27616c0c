import { member } from '../../domain/json/json.ts';
import { mayAskAt } from '../../gateway/dispatch/may-ask-at.ts';
import { plainRequestAnswered } from '../../gateway/dispatch/unasked-answer.ts';
import { findTask } from '../../gateway/task/find-task.ts';
import { isOurTask } from '../../gateway/task/open-task.ts';
import { serverQuestionAnswered } from '../../gateway/task/server-questions.ts';
import { answerServerRequest } from '../answers/answer-leg.ts';
import type { AgentAnswer, ForwardedAnswer } from '../door/call-door.ts';
import { textAt, withMember } from '../json/edit.ts';
import { requestKey } from '../protocol/request-key.ts';
import type { TaskContext } from './context.ts';
import { parseUpstreamTask } from './server-side.ts';
import { RELATED_TASK } from './status.ts';

const RELATED = ['result', '_meta', RELATED_TASK, 'taskId'];

/**
 * A question that a server asks on the stream of `tasks/result` is answered by a separate POST, to any replica
 * (2025-11-25, Tasks). The answer is forwarded to the server with the server's task id in place of ours; once the
 * server has it, the question is not handed out again. Null: the answer cannot concern a task of ours.
 */
export async function forwardAnswer(
  { gateway, runs, heldCalls }: TaskContext,
  answer: AgentAnswer,
): Promise<ForwardedAnswer | Response | null> {
  const { principal, server, session, idText } = answer;
  if (!mayAskAt(gateway.rules, server)) return null;
  const { grant } = principal;
  const text = await withUpstreamTaskId();
  const asked = { grant, server, session, requestId: idText };
  const answered = await answerServerRequest(
    { gateway, track: (run) => heldCalls.track(run), rewritten: text },
    answer,
  );
  if (answered !== null) {
    // After a refusal the server has an error in its place.
    if (answered.status < 300 || answered.status === 403) await serverQuestionAnswered(gateway, asked);
    return answered;
  }
  return {
    text,
    // The server has the answer, so a failure to record that is retried later and not reported to the agent.
    delivered: async () => {
      await plainRequestAnswered(gateway, { grant, server, session }, requestKey(member(answer.message, 'id')));
      await serverQuestionAnswered(gateway, asked);
    },
  };

  async function withUpstreamTaskId(): Promise<string> {
    const id = JSON.parse(textAt(answer.text, RELATED) ?? 'null') as unknown;
    if (typeof id !== 'string' || !isOurTask(id)) return answer.text;
    const task = await findTask(gateway, { id, grant, server });
    const made = task?.phase === 'relayed' ? await runs.followed.handleFor(task.approval) : null;
    if (made === null) return answer.text;
    return withMember(answer.text, RELATED, JSON.stringify(parseUpstreamTask(made).taskId));
  }
}
