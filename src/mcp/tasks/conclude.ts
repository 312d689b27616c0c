import { defer } from '../../gateway/dispatch/defer.ts';
import { type Dispatch, finish, type Outcome } from '../../gateway/dispatch/finish.ts';
import { record } from '../../gateway/dispatch/record.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Task } from '../../ports.ts';
import { questionIn } from '../hold/question.ts';
import { requestServer } from '../upstream/request.ts';
import type { ServerEntry } from '../upstream/server.ts';
import { headersAbout, paramsAbout, type UpstreamTask, upstreamTaskIn } from '../upstream/task.ts';
import type { TaskRequest } from './request.ts';
import { settle } from './settle.ts';
import type { UpstreamTasks } from './upstream-tasks.ts';

/** Milliseconds that a server may take to hear that its task is cancelled. */
const CANCEL_MS = 20_000;

/** What a server asked of a task's agent, and what the agent has given so far; JSON texts, so that nothing is rounded. */
export interface Questions {
  readonly inputRequests: string | null;
  readonly requestState: string | null;
  readonly given: Readonly<Record<string, string>>;
  /** How often the server has asked. */
  readonly round: number;
}

/** One leg of a task's call, as it was sent. */
export interface Attempt {
  readonly task: Task;
  readonly server: ServerEntry;
  readonly request: TaskRequest;
  readonly dispatch: Dispatch;
  /** The session it was sent in, when that is not the agent's own. */
  readonly session: string | null;
  /** What this leg answers; null: it is the first. */
  readonly questions: Questions | null;
}

/**
 * Records what came of a task's call: its end, or that the server asks back (2026-07-28, MRTR), or that it made a task
 * of its own of it, in either era. The last two end later, and the approval stays dispatched until they do.
 */
export async function concludeTask(
  gateway: Gateway,
  pursuits: UpstreamTasks,
  leg: Attempt,
  outcome: Outcome,
): Promise<void> {
  const { task, request, dispatch, questions } = leg;
  if (outcome.kind === 'not_sent' && questions !== null) {
    // The answers are asked for again: who knows what they are worth by then.
    return asked(gateway, leg, { ...questions, given: {} }, outcome.why);
  }
  if (outcome.kind === 'returned') {
    const question = task.era === 'modern' ? questionIn(outcome.response) : null;
    if (question !== null) return asked(gateway, leg, { ...question, given: {}, round: (questions?.round ?? 0) + 1 });
    const headers: Record<string, string> = { ...request.headers };
    if (leg.session !== null) headers['mcp-session-id'] = leg.session;
    const call = { headers, text: request.text };
    const takes = task.era === 'modern' || request.asTask;
    const theirs = takes ? upstreamTaskIn(outcome.response, task.era, call) : null;
    if (theirs !== null) return made(gateway, pursuits, leg, theirs);
  }
  await settle(gateway, task, await finish(gateway, dispatch, outcome));
}

/** The approval first: whoever sees the questions may answer at once. */
async function asked(gateway: Gateway, { task, dispatch }: Attempt, questions: Questions, why?: string): Promise<void> {
  const { rules } = gateway;
  const at = gateway.clock.now();
  const until = dispatch.continues?.until ?? new Date(at.getTime() + rules.approval.pickupMs);
  const told = why === undefined ? {} : { why };
  const approval = await defer(gateway, dispatch, { awaits: 'input', response: null, until, ...told });
  if (approval.state !== 'dispatched') return settle(gateway, task, approval);
  const kept = gateway.vault.seal('result', task.id, new TextEncoder().encode(JSON.stringify(questions)));
  const note = 'the server asks for something';
  let wanted = false;
  await record(gateway, dispatch, async () => {
    wanted = await gateway.tasks.changeTask({
      id: task.id,
      from: ['held', 'input'],
      to: 'input',
      at,
      kept,
      note,
      until,
    });
    return approval;
  });
  if (wanted) return;
  const gone = 'the server asked for something, and the agent had taken its task back';
  await finish(gateway, dispatch, { kind: 'unknown', why: gone });
}

/** Durable before the lease is lifted: what nobody follows must end as unknown. */
async function made(gateway: Gateway, pursuits: UpstreamTasks, leg: Attempt, theirs: UpstreamTask): Promise<void> {
  const { task, dispatch, server } = leg;
  const { id } = dispatch.approval;
  const open = { id: task.id, grant: task.grant, server: task.server };
  await record(gateway, dispatch, async () => {
    await pursuits.open(dispatch, open, theirs);
    return dispatch.approval;
  });
  const change = {
    id: task.id,
    from: ['held'],
    to: 'relayed',
    at: gateway.clock.now(),
    kept: null,
    note: null,
  } as const;
  const wanted = await gateway.tasks.changeTask(change);
  await defer(gateway, dispatch, { awaits: 'task' });
  // The agent took its task back while the call was on its way; the server can be told only now.
  if (!wanted) {
    const about = { headers: headersAbout(theirs, server), params: paramsAbout(theirs) };
    const signal = AbortSignal.timeout(CANCEL_MS);
    await requestServer({ server, grant: task.grant, ...about, method: 'tasks/cancel', signal });
  }
  const pursuit = await gateway.tasks.findFollowed(id);
  if (pursuit !== null) pursuits.begin(pursuit);
}
