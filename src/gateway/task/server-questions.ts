import type { QuestionKey } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';

/** What a server asked of a task's agent while the call ran, as it came. */
export interface ServerQuestionEvent {
  /** Its place among the task's questions. */
  readonly n: number;
  readonly event: Uint8Array;
}

/** Keeps it, sealed, until the agent has answered it or the call is over. `session`: where to answer, as a digest. */
export async function keepServerQuestion(
  { tasks, vault }: Pick<Gateway, 'tasks' | 'vault'>,
  question: { readonly task: string; readonly session: string | null; readonly requestId: string },
  event: Uint8Array,
): Promise<void> {
  await tasks.keepQuestion({ ...question, kept: vault.seal('result', rowOf(question.task), event) });
}

/** What still waits for this task's agent, after this place, in the order it came. */
export async function serverQuestions(
  { tasks, vault }: Pick<Gateway, 'tasks' | 'vault'>,
  task: string,
  after: number,
): Promise<readonly ServerQuestionEvent[]> {
  const found = await tasks.questions(task, after);
  return found.map(({ n, kept }) => ({ n, event: vault.open('result', rowOf(task), kept) }));
}

/** The agent has answered it, and the server has the answer: it is handed out no more. Never rejects. */
export function serverQuestionAnswered(
  { tasks, retries }: Pick<Gateway, 'retries' | 'tasks'>,
  question: QuestionKey,
): Promise<void> {
  return retries.run(() => tasks.answered(question));
}

function rowOf(task: string): string {
  return `question ${task}`;
}
