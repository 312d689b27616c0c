import { isObject } from '../../domain/json/json.ts';
import type { Task } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { keptWithTask } from './find-task.ts';
import type { Questions } from './task-door.ts';

/** The longest that all answers to one question of a server may be together, in characters: 4 Mi. */
export const LONGEST_ANSWERS = 4 * 1024 * 1024;

const UTF8 = new TextDecoder();

/** What the server asks now; null: nothing. */
export async function openQuestions(gateway: Pick<Gateway, 'tasks' | 'vault'>, task: Task): Promise<Questions | null> {
  const kept = task.phase === 'input' ? await keptWithTask(gateway, task) : null;
  return kept === null ? null : questionsIn(kept);
}

/** The names that the server gave to the answers it wants. */
export function questionNames({ inputRequests }: Questions): string[] {
  const asked: unknown = JSON.parse(inputRequests ?? '{}');
  return isObject(asked) ? Object.keys(asked) : [];
}

/** The questions in the sealed form in which they are kept with the task. */
export function sealQuestions({ vault }: Pick<Gateway, 'vault'>, task: string, questions: Questions): Uint8Array {
  return vault.seal('result', task, new TextEncoder().encode(JSON.stringify(questions)));
}

/**
 * Stores the agent's answers together with its earlier ones. `answersTo`: the new answers, by name. Returns the
 * questions once all are answered; null while some are not, or when nothing is asked any more; `too_long`: together
 * they are longer than `LONGEST_ANSWERS`, so none of the new ones was stored.
 */
export async function giveAnswers(
  gateway: Pick<Gateway, 'clock' | 'tasks' | 'vault'>,
  task: Task,
  answersTo: (questions: Questions) => Readonly<Record<string, string>>,
): Promise<Questions | 'too_long' | null> {
  const { tasks, vault, clock } = gateway;
  for (;;) {
    const before = task.phase === 'input' ? await tasks.taskBytes(task.id, 'kept') : null;
    if (before === null) return null;
    const questions = questionsIn(vault.open('result', task.id, before));
    const next = { ...questions, given: { ...questions.given, ...answersTo(questions) } };
    const characters = Object.values(next.given).reduce((sum, text) => sum + text.length, 0);
    if (characters > LONGEST_ANSWERS) return 'too_long';
    if (questionNames(questions).every((name) => Object.hasOwn(next.given, name))) return next;
    const kept = sealQuestions(gateway, task.id, next);
    const change = { id: task.id, from: ['input'], to: 'input', at: clock.now(), over: before, kept } as const;
    if (await tasks.changeTask(change)) return null;
    // Another answer came first, or the question is no longer open.
    if ((await openQuestions(gateway, task)) === null) return null;
  }
}

function questionsIn(kept: Uint8Array): Questions {
  return JSON.parse(UTF8.decode(kept)) as Questions;
}
