import { mayAsk } from '../../domain/policy.ts';
import { isOurTask } from '../../gateway/call/open-task.ts';
import type { AgentAnswer, ForwardedAnswer } from '../door/call-door.ts';
import { textAt, withMember } from '../json/edit.ts';
import type { TaskContext } from './context.ts';
import { RELATED_TASK } from './status.ts';

const RELATED = ['result', '_meta', RELATED_TASK, 'taskId'];

/**
 * What a server asks by way of a task's result is answered by a POST of its own, to whichever replica (2025-11-25,
 * Tasks). It goes on to the server; a question that has its answer is handed out no more, and our task's id is the
 * server's again. Null: nothing of ours can be meant.
 */
export async function answering({ gateway, runs }: TaskContext, answer: AgentAnswer): Promise<ForwardedAnswer | null> {
  const { rules, retries } = gateway;
  const { principal, server, session, idText } = answer;
  const policy = rules.policy(server);
  if (policy === null || !mayAsk(policy)) return null;
  const { grant } = principal;
  return {
    text: await aboutTheirs(),
    // The server has it: what cannot be noted now is noted later, and the agent need not know.
    taken: () => retries.run(() => gateway.tasks.answered({ grant, server, session, requestId: idText })),
  };

  async function aboutTheirs(): Promise<string> {
    const id = JSON.parse(textAt(answer.text, RELATED) ?? 'null') as unknown;
    if (typeof id !== 'string' || !isOurTask(id)) return answer.text;
    const task = await gateway.tasks.findTask(id, grant, server, gateway.clock.now());
    const pursuit = task?.phase === 'relayed' ? await gateway.tasks.findFollowed(task.approval) : null;
    if (pursuit === null) return answer.text;
    return withMember(answer.text, RELATED, JSON.stringify(runs.pursuits.theirs(pursuit).taskId));
  }
}
