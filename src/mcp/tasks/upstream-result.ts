import type { Task } from '../../ports.ts';
import type { HeldAnswer } from '../hold/answer.ts';
import { postMessage } from '../hold/post-message.ts';
import { keepRequests } from '../hold/server-requests.ts';
import { editData } from '../sse/edit-data.ts';
import { requestServer } from '../upstream/request.ts';
import { upstreamTaskHeaders, upstreamTaskParams } from '../upstream/task.ts';
import type { TaskContext } from './context.ts';
import { withTaskId } from './relay-task.ts';
import { parseUpstreamTask } from './server-side.ts';
import { RELATED_TASK } from './status.ts';

const UTF8 = new TextDecoder();

/**
 * The server's own `tasks/result` stream, kept open beside ours, because the server sends its questions and
 * notifications to the agent only on this stream (2025-11-25, Tasks). When it ends, the task's state is fetched at
 * once; the agent gets the result from the store.
 */
export class UpstreamResultStream {
  readonly #context: TaskContext;
  readonly #answer: HeldAnswer;
  readonly #closed = new AbortController();
  #opened = false;

  constructor(context: TaskContext, answer: HeldAnswer) {
    this.#context = context;
    this.#answer = answer;
  }

  /**
   * Opens the stream; further calls do nothing. If the stream breaks, the agent's next `tasks/result` opens a new one.
   */
  open(task: Task): void {
    if (this.#opened) return;
    this.#opened = true;
    const { heldCalls, gateway } = this.#context;
    heldCalls.track(
      this.#listen(task).catch((error) =>
        gateway.log.warn({ err: error, task: task.id }, "a server's stream about its task could not be read"),
      ),
    );
  }

  /** Ends the stream, because the answer to the agent has ended. */
  close(): void {
    this.#closed.abort();
  }

  async #listen(task: Task): Promise<void> {
    const { runs, servers } = this.#context;
    const made = await runs.followed.handleFor(task.approval);
    const server = servers(task.server);
    if (made === null || server === undefined) return;
    const upstreamTask = parseUpstreamTask(made);
    const { outcome } = await requestServer({
      server,
      grant: task.grant,
      headers: upstreamTaskHeaders(upstreamTask, server),
      method: 'tasks/result',
      params: upstreamTaskParams(upstreamTask),
      signal: AbortSignal.any([this.#answer.readerGone, this.#closed.signal]),
      onEvent: async (event) => {
        const { approval, grant } = task;
        // The agent answers in a session of its own choice.
        const place = { approval, grant, server: task.server, session: null };
        const refusals = await keepRequests(this.#context.gateway, place, event);
        const headers = upstreamTaskHeaders(upstreamTask, server);
        const sessionId = headers['mcp-session-id'] ?? null;
        const sender = { upstream: server.upstream, configured: server.headers, principal: { grant }, sessionId };
        for (const text of refusals) await postMessage(sender, text, headers);
        if (refusals.length === 0) await this.#answer.raw(withOurTaskId(event, task.id));
      },
    });
    if (outcome.kind === 'returned') await runs.followed.pollNow(task.approval);
  }
}

/** The event with our task's id, which the agent knows, in place of the server's. */
function withOurTaskId(event: Uint8Array, id: string): Uint8Array {
  const edited = editData(UTF8.decode(event), (data) =>
    withTaskId(withTaskId(data, ['params', '_meta', RELATED_TASK, 'taskId'], id), ['params', 'taskId'], id),
  );
  return edited === null ? event : new TextEncoder().encode(edited);
}
