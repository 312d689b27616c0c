import type { QuestionKey } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';

/** A question that a server sent to a task's agent while the call ran, exactly as it came. */
export interface ServerQuestionEvent {
  /** Its number among the task's questions. */
  readonly n: number;
  readonly event: Uint8Array;
}

/**
 * Stores a question, sealed, until the agent has answered it or the call is over. `session`: where to answer, as a
 * digest.
 */
export async function keepServerQuestion(
  { tasks, vault }: Pick<Gateway, 'tasks' | 'vault'>,
  question: { readonly task: string; readonly session: string | null; readonly requestId: string },
  event: Uint8Array,
): Promise<void> {
  await tasks.keepQuestion({ ...question, kept: vault.seal('result', rowOf(question.task), event) });
}

/** The questions that still wait for this task's agent, numbered above `after`, in the order they came. */
export async function serverQuestions(
  { tasks, vault }: Pick<Gateway, 'tasks' | 'vault'>,
  task: string,
  after: number,
): Promise<readonly ServerQuestionEvent[]> {
  const stored = await tasks.questions(task, after);
  return stored.map(({ n, kept }) => ({ n, event: vault.open('result', rowOf(task), kept) }));
}

/** Records that the server has the agent's answer, so that the question is no longer handed out. Never rejects. */
export function serverQuestionAnswered(
  { tasks, retries }: Pick<Gateway, 'retries' | 'tasks'>,
  question: QuestionKey,
): Promise<void> {
  return retries.run(() => tasks.answered(question));
}

function rowOf(task: string): string {
  return `question ${task}`;
}
