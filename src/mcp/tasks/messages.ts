import { fingerprintMaterial } from '../../domain/call/fingerprint.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import { refuseCall } from '../../gateway/call/refuse-call.ts';
import type { Seat } from '../../gateway/state/seat.ts';
import { findTask } from '../../gateway/task/find-task.ts';
import { isOurTask, openTask } from '../../gateway/task/open-task.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage, ToolCallRequest } from '../door/call-door.ts';
import { callOf } from '../hold/request.ts';
import { envelopeFault, TASKS_2025, takesTasks, tasksMissing } from '../protocol/envelope.ts';
import { INVALID_PARAMS, rpcError, rpcText } from '../protocol/response.ts';
import { pending } from '../protocol/tool-results.ts';
import { cancelled } from './cancel.ts';
import type { TaskContext } from './context.ts';
import { getTask } from './get.ts';
import { listTasks } from './list.ts';
import { listen } from './listen.ts';
import { taskRequestBytes, wantedTtl } from './request.ts';
import { taskResult } from './result.ts';
import { shape } from './status.ts';
import { updateTask } from './update.ts';

const METHOD_NOT_FOUND = -32601;

/** Whether this call is to be answered with a task, if it has to wait. */
export function wantsTask(request: ToolCallRequest): Task['era'] | null {
  if (request.modern) return takesTasks(request.params) ? 'modern' : null;
  return request.protocolVersion === TASKS_2025 && request.params.task !== undefined ? 'legacy' : null;
}

/**
 * The task that the agent made of this very call before, and whose answer it never had: it is given that one again, so
 * that a lost task's id costs neither a second run nor a second question.
 */
export async function lostTask({ gateway }: TaskContext, request: ToolCallRequest): Promise<Response | null> {
  const era = wantsTask(request);
  if (era === null || request.inexact !== null) return null;
  const { tasks, vault, clock, store } = gateway;
  const { principal, server, params } = request;
  const fingerprints = vault.fingerprints(fingerprintMaterial(callOf(request, params)));
  const now = clock.now();
  const task = await tasks.lostTask({ grant: principal.grant, server, era, fingerprints }, now);
  if (task === null) return null;
  const shown = shape(task, await store.find(task.approval), now);
  return rpcText(request.idText, JSON.stringify(era === 'modern' ? { resultType: 'task', ...shown } : { task: shown }));
}

/**
 * A call without `params.task` of a tool that its server runs as tasks only (2025-11-25). The server would refuse it
 * (-32601), so it is refused in the server's stead before a person is asked: an approval of it could never be used. It is
 * not sent on for the server to refuse, because one that is not strict would run it unapproved (P1). Null: it is none.
 */
export async function taskNeeded(
  { gateway, support }: TaskContext,
  request: ToolCallRequest,
): Promise<Response | null> {
  if (request.modern || request.protocolVersion !== TASKS_2025 || request.params.task !== undefined) return null;
  const policy = gateway.rules.policy(request.server);
  const call = callOf(request, request.params);
  if (policy === null || evaluate(policy, call).kind !== 'ask') return null;
  if ((await support.of(request)) !== 'required') return null;
  refuseCall(gateway, call, 'the server takes it only as a task');
  return rpcError(200, METHOD_NOT_FOUND, `Tool ${call.tool} requires task augmentation (params.task).`, request.idText);
}

/** Answers a gated call with a task, once it is durable. */
export async function answerWithTask(
  { gateway, runs, support }: TaskContext,
  request: ToolCallRequest,
  seat: Seat,
  era: Task['era'],
): Promise<Response> {
  const { approval, joiner } = seat;
  const task = await openTask(gateway, {
    approval,
    joiner,
    server: request.server,
    grant: request.principal.grant,
    era,
    request: taskRequestBytes(request, era === 'legacy' && (await support.of(request)) !== 'forbidden'),
    ttl: wantedTtl(request.params),
  });
  runs.opened(approval);
  const now = gateway.clock.now();
  const shown = shape(task, approval, now);
  if (era === 'modern') return rpcText(request.idText, JSON.stringify({ resultType: 'task', ...shown }));
  // What a host may tell its model while the task goes on (2025-11-25, Tasks).
  const said = pending(approval, now, seat.notice).content[0].text;
  const _meta = { 'io.modelcontextprotocol/model-immediate-response': said };
  return rpcText(request.idText, JSON.stringify({ task: shown, _meta }));
}

/** Messages about tasks. Null: not about one of ours, so the upstream answers. */
export async function taskMessage(context: TaskContext, message: TaskMessage): Promise<Response | null> {
  if (message.method === 'subscriptions/listen') return message.modern ? listen(context, message) : null;
  if (!message.method.startsWith('tasks/') || message.idText === null) return null;
  if (message.method === 'tasks/list') return message.modern ? null : listTasks(context, message);
  const id = member(member(message.message, 'params'), 'taskId');
  if (typeof id !== 'string' || !isOurTask(id)) return null;
  if (message.modern) {
    const fault = envelopeFault(message.message, message.said, message.idText);
    if (fault !== null) return fault;
    if (!takesTasks(member(message.message, 'params') as JsonObject)) return tasksMissing(message.idText);
  }
  const { gateway } = context;
  const { principal, server } = message;
  const task = await findTask(gateway, { id, grant: principal.grant, server });
  if (task === null || (task.era === 'modern') !== message.modern) {
    return rpcError(200, INVALID_PARAMS, `There is no task ${id}.`, message.idText);
  }
  return answer(context, message, task);
}

function answer(context: TaskContext, message: TaskMessage, task: Task): Promise<Response> | Response | null {
  switch (message.method) {
    case 'tasks/get':
      return getTask(context, message, task);
    case 'tasks/cancel':
      return cancelled(context, message, task);
    case 'tasks/result':
      return message.modern ? null : taskResult(context, message, task);
    case 'tasks/update':
      return message.modern ? updateTask(context, message, task) : null;
    default:
      return null;
  }
}
