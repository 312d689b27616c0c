import type { Principal } from '../../domain/call/call.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { TaskDoor, TaskSent, UpstreamTaskHandle } from '../../gateway/task/task-door.ts';
import type { Task } from '../../ports.ts';
import { serversWord } from '../hold/leg.ts';
import { postMessage } from '../hold/post-message.ts';
import { questionInPieces } from '../hold/question.ts';
import { keepRequests } from '../hold/server-requests.ts';
import { freshSession } from '../upstream/fresh-session.ts';
import { endingIn, type SendResult } from '../upstream/outgoing.ts';
import { requestServer } from '../upstream/request.ts';
import { sendOnce } from '../upstream/send.ts';
import type { ServerEntry } from '../upstream/server.ts';
import {
  fetchUpstreamTask,
  type UpstreamTask,
  upstreamTaskHeaders,
  upstreamTaskIn,
  upstreamTaskParams,
} from '../upstream/task.ts';
import { TaskInbox } from './inbox.ts';
import { answeringRequest, callOfTask, type TaskRequest, taskCallHeaders, taskRequestIn } from './request.ts';
import { TASK_ANSWERS } from './task-answers.ts';

/** Milliseconds that a server may take to answer a cancellation of its task. */
const CANCEL_MS = 20_000;

const UTF8 = new TextDecoder();

/** Reads a server's task from its stored form. */
export function parseUpstreamTask(kept: Uint8Array): UpstreamTask {
  return JSON.parse(UTF8.decode(kept)) as UpstreamTask;
}

/** Does for the gateway what its tasks need at servers. `servers` finds a server by name, as configured now. */
export function taskDoor(
  gateway: Pick<Gateway, 'clock' | 'lateSessions' | 'log' | 'tasks' | 'vault'>,
  servers: (name: string) => ServerEntry | undefined,
): TaskDoor {
  const inbox = new TaskInbox(gateway);
  return {
    answers: TASK_ANSWERS,

    callOf: (request, server, principal: Principal) => callOfTask(taskRequestIn(request), principal, server),

    answering: (task, kept, questions) => answeringRequest(kept, `${task.id}-${questions.round}`, questions),

    serversWord: ({ inputRequests }) => serversWord(inputRequests),

    async send(task, kept, fresh, signal) {
      const server = servers(task.server);
      if (server === undefined) return unsent('no such server');
      const request = taskRequestIn(kept);
      const { sent, session } = await sendTask({ task, request, server, inbox, gateway, fresh, signal });
      const headers: Record<string, string> = { ...request.headers };
      if (session !== null) headers['mcp-session-id'] = session;
      return readSent(task, server, sent, { ...request, headers });
    },

    taskIdIn: (kept) => parseUpstreamTask(kept).taskId,

    pollMs: (kept) => parseUpstreamTask(kept).pollMs,

    async poll(name, grant, open) {
      const server = servers(name);
      if (server === undefined) return { kind: 'lost', why: 'the server is not configured', forever: false };
      return fetchUpstreamTask(server, grant, parseUpstreamTask(open())).catch((error: Error) => {
        return { kind: 'lost', why: error.message, forever: false } as const;
      });
    },
  };
}

/** Reads what came of a task's call: its end, a question, or a task of the server's own. */
export async function readSent(
  task: Task,
  server: ServerEntry,
  sent: SendResult,
  request: TaskRequest,
): Promise<TaskSent> {
  const { outcome } = sent;
  const sessionLost = sent.sessionLost === true && request.session !== null;
  if (outcome.kind !== 'returned') return { outcome, sessionLost, question: null, made: null };
  const question = task.era === 'modern' ? await questionInPieces(outcome.response) : null;
  const mayBeTask = question === null && (task.era === 'modern' || request.asTask);
  const made = mayBeTask ? upstreamTaskIn(outcome.response, task.era, request) : null;
  return { outcome, sessionLost, question, made: made === null ? null : handleOf(made, server, task.grant) };
}

/** `server`: the one that made it, which a reload may have changed or removed by the time it is cancelled. */
function handleOf(made: UpstreamTask, server: ServerEntry, grant: string): UpstreamTaskHandle {
  return {
    kept: new TextEncoder().encode(JSON.stringify(made)),
    pollMs: made.pollMs,
    async cancel() {
      const request = { headers: upstreamTaskHeaders(made, server), params: upstreamTaskParams(made) };
      const signal = AbortSignal.timeout(CANCEL_MS);
      await requestServer({ server, grant, ...request, method: 'tasks/cancel', signal });
    },
  };
}

interface TaskSending {
  readonly task: Task;
  readonly request: TaskRequest;
  readonly server: ServerEntry;
  readonly inbox: TaskInbox;
  readonly gateway: Pick<Gateway, 'clock' | 'lateSessions' | 'log' | 'tasks' | 'vault'>;
  readonly fresh: boolean;
  readonly signal: AbortSignal;
}

/** Sends a task's call. `session`: the new session in which it was sent, if the agent's own had ended; else null. */
async function sendTask({
  task,
  request,
  server,
  inbox,
  gateway,
  fresh,
  signal,
}: TaskSending): Promise<{ readonly sent: SendResult; readonly session: string | null }> {
  const headers = taskCallHeaders(request, server);
  const bytes = new TextEncoder().encode(request.text);
  let session: string | null = null;
  const send = (headersInSession: Record<string, string>): Promise<SendResult> =>
    sendOnce({
      upstream: server.upstream,
      grant: task.grant,
      headers: headersInSession,
      bytes,
      idText: request.idText,
      carriesRequests: true,
      onEvent: async (event) => {
        const { approval, grant } = task;
        const place = { approval, grant, server: task.server, session: request.session };
        const refusals = await keepRequests(gateway, place, event);
        const sender = { upstream: server.upstream, configured: server.headers, principal: { grant } };
        const sessionId = headersInSession['mcp-session-id'] ?? null;
        for (const text of refusals) await postMessage({ ...sender, sessionId }, text, request.headers);
        if (refusals.length === 0) inbox.put(task.id, request.session, event);
      },
      // A legacy server is told of a cancellation by a notification, and may continue.
      ...(task.era === 'modern' ? { signal } : {}),
    });
  const unknownOutcome = (error: Error): SendResult => endingIn({ kind: 'unknown', why: error.message });
  if (!fresh) {
    const sent = await send(headers).catch(unknownOutcome);
    const handedOut = headers['mcp-session-id'] === undefined ? (sent.session ?? null) : null;
    if (handedOut !== null && task.era !== 'modern' && server.upstream.kind === 'http')
      gateway.lateSessions.owe({ grant: task.grant, server: server.name }, handedOut);
    return { sent, session };
  }
  const sendInFresh = (headersInSession: Record<string, string>): Promise<SendResult> => {
    session = headersInSession['mcp-session-id'] ?? null;
    return send(headersInSession);
  };
  // A task that the server created lives in this session, so the session is not ended.
  const keep = ({ outcome }: SendResult): boolean =>
    request.asTask && outcome.kind === 'returned' && upstreamTaskIn(outcome.response, task.era, request) !== null;
  const refused = (why: string): SendResult => endingIn({ kind: 'not_sent', why });
  const sent = await freshSession(server, task.grant, headers, { send: sendInFresh, refused, keep }).catch(
    unknownOutcome,
  );
  return { sent, session };
}

function unsent(why: string): TaskSent {
  return { outcome: { kind: 'not_sent', why }, sessionLost: false, question: null, made: null };
}
