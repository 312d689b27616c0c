import { type Json, member } from '../../domain/json/json.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { keepServerQuestion } from '../../gateway/task/server-questions.ts';
import { textAt } from '../json/edit.ts';
import { fieldsOf } from '../sse/fields.ts';

const UTF8 = new TextDecoder();

/**
 * What a server asks of a task's agent while the call runs: elicitation, sampling (2025-11-25, Tasks: input_required).
 * Nobody holds a stream then, so it is kept, sealed, until the agent has answered it or the call is over: whichever
 * replica is asked says that the task needs input, and hands the question over with `tasks/result`. Progress is not kept.
 */
export class TaskInbox {
  readonly #gateway: Pick<Gateway, 'tasks' | 'vault' | 'log'>;
  /** One question after the other, so that they are handed over in the order they came. */
  #last: Promise<void> = Promise.resolve();

  constructor(gateway: Pick<Gateway, 'tasks' | 'vault' | 'log'>) {
    this.#gateway = gateway;
  }

  /** `session`: where the agent is to answer, as a digest. */
  put(task: string, session: string | null, event: Uint8Array): void {
    const { log } = this.#gateway;
    const data = fieldsOf(UTF8.decode(event)).data;
    const requestId = data === null ? null : requestIn(data);
    if (requestId === null) return;
    this.#last = this.#last
      .then(() => keepServerQuestion(this.#gateway, { task, session, requestId }, event))
      .catch((error) =>
        log.error({ err: error, task }, 'what a server asks could not be kept; its agent will not hear'),
      );
  }
}

/** The id of a request, as JSON text; null for another message. */
function requestIn(data: string): string | null {
  try {
    if (typeof member(JSON.parse(data) as Json, 'method') !== 'string') return null;
    return textAt(data, ['id']);
  } catch {
    return null;
  }
}
