import type { Outcome } from '../../domain/approval/dispatch.ts';
import type { Principal } from '../../domain/call/call.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { TaskDoor, TaskSent } from '../../gateway/task/task-door.ts';
import type { Task } from '../../ports.ts';
import { questionIn } from '../hold/question.ts';
import { freshSession } from '../upstream/fresh-session.ts';
import { requestServer } from '../upstream/request.ts';
import { type SendResult, sendHeld } from '../upstream/send.ts';
import type { ServerEntry } from '../upstream/server.ts';
import { headersAbout, paramsAbout, readUpstreamTask, type UpstreamTask, upstreamTaskIn } from '../upstream/task.ts';
import { TaskInbox } from './inbox.ts';
import { callOfTask, headersFor, type TaskRequest, taskRequestIn } from './request.ts';
import { TASK_ANSWERS } from './task-answers.ts';

/** Milliseconds that a server may take to hear that its task is cancelled. */
const CANCEL_MS = 20_000;

const UTF8 = new TextDecoder();

/** The task that a server made, as it was kept. */
export function keptUpstreamTask(kept: Uint8Array): UpstreamTask {
  return JSON.parse(UTF8.decode(kept)) as UpstreamTask;
}

/** What the gateway needs done towards servers for its tasks. `servers`: where their calls go, as configured now. */
export function taskDoor(
  gateway: Pick<Gateway, 'log' | 'tasks' | 'vault'>,
  servers: (name: string) => ServerEntry | undefined,
): TaskDoor {
  const inbox = new TaskInbox(gateway);
  return {
    answers: TASK_ANSWERS,

    callOf: (request, server, principal: Principal) => callOfTask(taskRequestIn(request), principal, server),

    async send(task, kept, fresh, signal) {
      const server = servers(task.server);
      if (server === undefined) return unsent('no such server');
      const request = taskRequestIn(kept);
      const { sent, session } = await sendTask({ task, request, server, inbox, fresh, signal });
      const headers: Record<string, string> = { ...request.headers };
      if (session !== null) headers['mcp-session-id'] = session;
      return readSent(task, sent, { ...request, headers });
    },

    pollMs: (kept) => keptUpstreamTask(kept).pollMs,

    async look(name, grant, kept) {
      const server = servers(name);
      if (server === undefined) return { kind: 'lost', why: 'the server is not configured', forever: false };
      return readUpstreamTask(server, grant, keptUpstreamTask(kept)).catch((error: Error) => {
        return { kind: 'lost', why: error.message, forever: false } as const;
      });
    },

    async cancel(name, grant, kept) {
      const server = servers(name);
      if (server === undefined) return;
      const made = keptUpstreamTask(kept);
      const about = { headers: headersAbout(made, server), params: paramsAbout(made) };
      const signal = AbortSignal.timeout(CANCEL_MS);
      await requestServer({ server, grant, ...about, method: 'tasks/cancel', signal });
    },
  };
}

/** What came of a task's call: its end, a question, or a task of the server's own. */
export function readSent(task: Task, sent: SendResult, request: TaskRequest): TaskSent {
  const { outcome } = sent;
  const sessionLost = sent.sessionLost === true && request.session !== null;
  if (outcome.kind !== 'returned') return { outcome, sessionLost, question: null, made: null };
  const question = task.era === 'modern' ? questionIn(outcome.response) : null;
  const mayBeTask = question === null && (task.era === 'modern' || request.asTask);
  const theirs = mayBeTask ? upstreamTaskIn(outcome.response, task.era, request) : null;
  const made =
    theirs === null ? null : { kept: new TextEncoder().encode(JSON.stringify(theirs)), pollMs: theirs.pollMs };
  return { outcome, sessionLost, question, made };
}

interface TaskSending {
  readonly task: Task;
  readonly request: TaskRequest;
  readonly server: ServerEntry;
  readonly inbox: TaskInbox;
  readonly fresh: boolean;
  readonly signal: AbortSignal;
}

/** `session`: the one it was sent in, when the agent's is over. */
async function sendTask({
  task,
  request,
  server,
  inbox,
  fresh,
  signal,
}: TaskSending): Promise<{ readonly sent: SendResult; readonly session: string | null }> {
  const headers = headersFor(request, server);
  const bytes = new TextEncoder().encode(request.text);
  let session: string | null = null;
  const send = (inside: Record<string, string>): Promise<SendResult> =>
    sendHeld({
      upstream: server.upstream,
      grant: task.grant,
      headers: inside,
      bytes,
      idText: request.idText,
      meanwhile: (event) => inbox.put(task.id, request.session, event),
      // A legacy server is told by a notification, and may go on.
      ...(task.era === 'modern' ? { signal } : {}),
    });
  const unsure = (error: Error): SendResult => ended({ kind: 'unknown', why: error.message });
  if (!fresh) return { sent: await send(headers).catch(unsure), session };
  const inOurs = (inside: Record<string, string>): Promise<SendResult> => {
    session = inside['mcp-session-id'] ?? null;
    return send(inside);
  };
  // A task that the server made of it lives in this session: it is left to the server to end.
  const keep = ({ outcome }: SendResult): boolean =>
    request.asTask && outcome.kind === 'returned' && upstreamTaskIn(outcome.response, task.era, request) !== null;
  const refused = (why: string): SendResult => ended({ kind: 'not_sent', why });
  const sent = await freshSession(server, task.grant, headers, { send: inOurs, refused, keep }).catch(unsure);
  return { sent, session };
}

function ended(outcome: Outcome): SendResult {
  return { outcome, event: null };
}

function unsent(why: string): TaskSent {
  return { outcome: { kind: 'not_sent', why }, sessionLost: false, question: null, made: null };
}
