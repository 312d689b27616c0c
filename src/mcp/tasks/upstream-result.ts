import type { Task } from '../../ports.ts';
import type { HeldAnswer } from '../hold/answer.ts';
import { editData } from '../sse/cutter.ts';
import { requestServer } from '../upstream/request.ts';
import { headersAbout, paramsAbout } from '../upstream/task.ts';
import type { TaskContext } from './context.ts';
import { renamed } from './relay-task.ts';
import { keptUpstreamTask } from './server-side.ts';
import { RELATED_TASK } from './status.ts';

const UTF8 = new TextDecoder();

/**
 * The server's own `tasks/result`, held open beside ours: what it asks of the agent, and what it tells on the way, comes
 * by this stream only (2025-11-25, Tasks). Its end makes somebody look at once; the end itself is told from the store.
 */
export class UpstreamResult {
  readonly #context: TaskContext;
  readonly #answer: HeldAnswer;
  readonly #over = new AbortController();
  #opened = false;

  constructor(context: TaskContext, answer: HeldAnswer) {
    this.#context = context;
    this.#answer = answer;
  }

  /** Once; a stream that broke is asked for again by the agent that asks again. */
  open(task: Task): void {
    if (this.#opened) return;
    this.#opened = true;
    const { desk, gateway } = this.#context;
    desk.follow(
      this.#listen(task).catch((error) =>
        gateway.log.warn({ err: error, task: task.id }, 'what a server says of its task is not heard'),
      ),
    );
  }

  /** Ours has ended. */
  close(): void {
    this.#over.abort();
  }

  async #listen(task: Task): Promise<void> {
    const { runs, servers } = this.#context;
    const made = await runs.followed.madeFor(task.approval);
    const server = servers(task.server);
    if (made === null || server === undefined) return;
    const theirs = keptUpstreamTask(made);
    const { outcome } = await requestServer({
      server,
      grant: task.grant,
      headers: headersAbout(theirs, server),
      method: 'tasks/result',
      params: paramsAbout(theirs),
      signal: AbortSignal.any([this.#answer.left, this.#over.signal]),
      meanwhile: (event) => this.#answer.raw(ours(event, task.id)),
    });
    if (outcome.kind === 'returned') await runs.followed.lookNow(task.approval);
  }
}

/** The same event, about the task that the agent knows. */
function ours(event: Uint8Array, id: string): Uint8Array {
  const edited = editData(UTF8.decode(event), (data) =>
    renamed(renamed(data, ['params', '_meta', RELATED_TASK, 'taskId'], id), ['params', 'taskId'], id),
  );
  return edited === null ? event : new TextEncoder().encode(edited);
}
