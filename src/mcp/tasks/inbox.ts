import type { Gateway } from '../../gateway/gateway.ts';
import { keepServerQuestion } from '../../gateway/task/server-questions.ts';
import { requestsIn } from '../hold/server-requests.ts';

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

  /** `session`: digest of the session in which the agent has to answer. Events that are not one request are ignored. */
  put(task: string, session: string | null, event: Uint8Array): void {
    const { log } = this.#gateway;
    this.#last = this.#last
      .then(async () => {
        const [request, ...others] = await requestsIn(event);
        if (request === undefined || others.length > 0) return;
        await keepServerQuestion(this.#gateway, { task, session, requestId: request.idText }, event);
      })
      .catch((error) =>
        log.error({ err: error, task }, 'a question of a server could not be stored; the agent will not get it'),
      );
  }
}
