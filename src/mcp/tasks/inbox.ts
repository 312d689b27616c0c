import { type Json, member } from '../../domain/json/json.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { keepServerQuestion } from '../../gateway/task/server-questions.ts';
import { textAt } from '../json/edit.ts';
import { fieldsOf } from '../sse/fields.ts';

const UTF8 = new TextDecoder();

/**
 * Keeps what a server asks of a task's agent while the call runs: elicitation, sampling (2025-11-25, Tasks:
 * input_required). No stream to the agent is open then, so each question is kept encrypted until the agent has answered
 * it or the call has ended. Any replica can report that the task needs input, and hand the question out with
 * `tasks/result`. Progress notifications are not kept.
 */
export class TaskInbox {
  readonly #gateway: Pick<Gateway, 'tasks' | 'vault' | 'log'>;
  /** Questions are stored one after the other, so that they are handed out in the order in which they came. */
  #last: Promise<void> = Promise.resolve();

  constructor(gateway: Pick<Gateway, 'tasks' | 'vault' | 'log'>) {
    this.#gateway = gateway;
  }

  /** `session`: digest of the session in which the agent has to answer. Events that are not requests are ignored. */
  put(task: string, session: string | null, event: Uint8Array): void {
    const { log } = this.#gateway;
    const data = fieldsOf(UTF8.decode(event)).data;
    const requestId = data === null ? null : requestIdIn(data);
    if (requestId === null) return;
    this.#last = this.#last
      .then(() => keepServerQuestion(this.#gateway, { task, session, requestId }, event))
      .catch((error) =>
        log.error({ err: error, task }, 'a question of a server could not be stored; the agent will not get it'),
      );
  }
}

/** The id of a JSON-RPC request, as JSON text; null for any other message. */
function requestIdIn(data: string): string | null {
  try {
    if (typeof member(JSON.parse(data) as Json, 'method') !== 'string') return null;
    return textAt(data, ['id']);
  } catch {
    return null;
  }
}
