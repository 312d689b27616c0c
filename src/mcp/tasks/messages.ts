import { fingerprintMaterial } from '../../domain/call/fingerprint.ts';
import { isExactThroughout } from '../../domain/call/inexact.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import { refuseCall } from '../../gateway/call/refuse-call.ts';
import { parkedCall } from '../../gateway/call/seats.ts';
import { mayAskAt } from '../../gateway/dispatch/may-ask-at.ts';
import type { Seat } from '../../gateway/state/seat.ts';
import { findTask } from '../../gateway/task/find-task.ts';
import { isOurTask, openTask } from '../../gateway/task/open-task.ts';
import type { Task } from '../../ports.ts';
import type { TaskMessage, ToolCallRequest } from '../door/call-door.ts';
import { callOfRequest, heldRequest } from '../hold/request.ts';
import { declaresTasks, envelopeFault, TASKS_2025, tasksExtensionMissing } from '../protocol/envelope.ts';
import { INVALID_PARAMS, rpcError, rpcResult } from '../protocol/response.ts';
import { pendingResult } from '../protocol/tool-results.ts';
import { handleCancel } from './cancel.ts';
import type { TaskContext } from './context.ts';
import { getTask } from './get.ts';
import { listTasks } from './list.ts';
import { listenToTasks } from './listen.ts';
import { requestedTtl, taskRequestBytes } from './request.ts';
import { taskResult } from './result.ts';
import { taskObject } from './status.ts';
import { updateTask } from './update.ts';

const METHOD_NOT_FOUND = -32601;

/** The era of the task with which this call wants to be answered if it has to wait; null: it wants none. */
export function wantedTaskEra(request: ToolCallRequest): Task['era'] | null {
  if (request.modern) return declaresTasks(request.params) ? 'modern' : null;
  return request.protocolVersion === TASKS_2025 && request.params.task !== undefined ? 'legacy' : null;
}

/**
 * Answers with the task that the agent created by the same call before, if the agent never had that answer. A task id
 * that was lost on its way then causes neither a second run nor a second approval. Null: there is no such task.
 */
export async function lostTask({ gateway }: TaskContext, request: ToolCallRequest): Promise<Response | null> {
  const era = wantedTaskEra(request);
  if (era === null || !isExactThroughout(request.inexact)) return null;
  const { tasks, vault, clock, store } = gateway;
  const { principal, server } = request;
  const fingerprints = vault.fingerprints(fingerprintMaterial(callOfRequest(request)));
  const now = clock.now();
  const task = await tasks.lostTask({ grant: principal.grant, server, era, fingerprints }, now);
  if (task === null) return null;
  const shown = taskObject(task, await store.find(task.approval), now);
  return rpcResult(
    request.idText,
    JSON.stringify(era === 'modern' ? { resultType: 'task', ...shown } : { task: shown }),
  );
}

/**
 * Refuses a gated call without `params.task` of a tool that its server runs only as a task (2025-11-25), as the server
 * would (-32601), before anybody is asked: an approval of it could never be used. It is not forwarded for the server to
 * refuse, because a server that is not strict would run it unapproved (P1). Null: the call is not such a call.
 */
export async function refuseWithoutTask(
  { gateway, support }: TaskContext,
  request: ToolCallRequest,
): Promise<Response | null> {
  if (request.modern || request.protocolVersion !== TASKS_2025 || request.params.task !== undefined) return null;
  const policy = gateway.rules.policy(request.server);
  const call = callOfRequest(request);
  if (policy === null) return null;
  const history = await gateway.callMemory.historyFor(policy, call, null);
  if (evaluate(policy, call, history).kind !== 'ask') return null;
  if ((await support.of(request)) !== 'required') return null;
  refuseCall(gateway, call, 'the server takes it only as a task');
  return rpcError(200, METHOD_NOT_FOUND, `Tool ${call.tool} requires task augmentation (params.task).`, request.idText);
}

/** Answers a gated call with a task, once the task is durable. */
export async function answerWithTask(
  { gateway, runs, support }: TaskContext,
  request: ToolCallRequest,
  { seat, own }: { readonly seat: Seat; readonly own: Uint8Array | null },
  era: Task['era'],
): Promise<Response> {
  const { approval, joiner } = seat;
  const asTask = era === 'legacy' && (await support.of(request)) !== 'forbidden';
  const parked = own ?? (await parkedCall(gateway, approval));
  const task = await openTask(gateway, {
    approval,
    joiner,
    server: request.server,
    grant: request.principal.grant,
    era,
    request: parked === null ? new Uint8Array(0) : await taskRequestBytes(heldRequest(request, parked), asTask),
    ttl: requestedTtl(request.params),
  });
  runs.watch(approval);
  const now = gateway.clock.now();
  const shown = taskObject(task, approval, now);
  if (era === 'modern') return rpcResult(request.idText, JSON.stringify({ resultType: 'task', ...shown }));
  // What a host may tell its model while the task runs (2025-11-25, Tasks).
  const modelText = pendingResult(approval, now, seat.notice).content[0].text;
  const _meta = { 'io.modelcontextprotocol/model-immediate-response': modelText };
  return rpcResult(request.idText, JSON.stringify({ task: shown, _meta }));
}

/** Answers messages about tasks. Null: the message is not about a task of ours, so it is forwarded to the server. */
export async function answerTaskMessage(context: TaskContext, message: TaskMessage): Promise<Response | null> {
  if (message.method === 'subscriptions/listen') return message.modern ? listenToTasks(context, message) : null;
  if (!message.method.startsWith('tasks/') || message.idText === null) return null;
  if (message.method === 'tasks/list') return message.modern ? null : listTasks(context, message);
  const id = member(member(message.message, 'params'), 'taskId');
  if (typeof id !== 'string') return null;
  if (!isOurTask(id)) {
    const { gateway, runs } = context;
    if (!mayAskAt(gateway.rules, message.server) || !(await runs.followed.idsAt(message.server)).has(id)) return null;
    const why = 'That task belongs to a call that needed approval. Use the id that the call was answered with.';
    return rpcError(200, INVALID_PARAMS, why, message.idText);
  }
  if (message.modern) {
    const fault = envelopeFault(message.message, message.requestHeaders, message.idText);
    if (fault !== null) return fault;
    if (!declaresTasks(member(message.message, 'params') as JsonObject)) return tasksExtensionMissing(message.idText);
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
      return handleCancel(context, message, task);
    case 'tasks/result':
      return message.modern ? null : taskResult(context, message, task);
    case 'tasks/update':
      return message.modern ? updateTask(context, message, task) : null;
    default:
      return null;
  }
}
