import { mayAsk } from '../../domain/policy/policy.ts';
import { findTask } from '../../gateway/task/find-task.ts';
import { isOurTask } from '../../gateway/task/open-task.ts';
import { serverQuestionAnswered } from '../../gateway/task/server-questions.ts';
import type { AgentAnswer, ForwardedAnswer } from '../door/call-door.ts';
import { textAt, withMember } from '../json/edit.ts';
import type { TaskContext } from './context.ts';
import { keptUpstreamTask } from './server-side.ts';
import { RELATED_TASK } from './status.ts';

const RELATED = ['result', '_meta', RELATED_TASK, 'taskId'];

/**
 * What a server asks by way of a task's result is answered by a POST of its own, to whichever replica (2025-11-25,
 * Tasks). It goes on to the server; a question that has its answer is handed out no more, and our task's id is the
 * server's again. Null: nothing of ours can be meant.
 */
export async function answering({ gateway, runs }: TaskContext, answer: AgentAnswer): Promise<ForwardedAnswer | null> {
  const { rules } = gateway;
  const { principal, server, session, idText } = answer;
  const policy = rules.policy(server);
  if (policy === null || !mayAsk(policy)) return null;
  const { grant } = principal;
  return {
    text: await aboutTheirs(),
    // The server has it: what cannot be noted now is noted later, and the agent need not know.
    taken: () => serverQuestionAnswered(gateway, { grant, server, session, requestId: idText }),
  };

  async function aboutTheirs(): Promise<string> {
    const id = JSON.parse(textAt(answer.text, RELATED) ?? 'null') as unknown;
    if (typeof id !== 'string' || !isOurTask(id)) return answer.text;
    const task = await findTask(gateway, { id, grant, server });
    const made = task?.phase === 'relayed' ? await runs.followed.madeFor(task.approval) : null;
    if (made === null) return answer.text;
    return withMember(answer.text, RELATED, JSON.stringify(keptUpstreamTask(made).taskId));
  }
}
