import type { Json } from '../../domain/json/json.ts';
import { findServerRequest, keepServerRequest, whyTooLong } from '../../gateway/dispatch/server-requests.ts';
import { requestOfTask } from '../../gateway/task/find-task.ts';
import type { ExchangeAnswer, Task } from '../../ports.ts';
import { answerAsked } from '../answers/answer-leg.ts';
import type { TaskMessage } from '../door/call-door.ts';
import { textAt, withMember } from '../json/edit.ts';
import { placesIn } from '../json/find.ts';
import { INVALID_PARAMS, rpcError, rpcResult } from '../protocol/response.ts';
import type { SendResult } from '../upstream/outgoing.ts';
import { requestServer } from '../upstream/request.ts';
import { upstreamTaskHeaders, upstreamTaskParams } from '../upstream/task.ts';
import type { TaskContext } from './context.ts';
import { parseUpstreamTask } from './server-side.ts';

const ACK = '{"resultType":"complete"}';

/**
 * `tasks/update` of a task that the server itself runs for an approved call (2026-07-28): the answers are logged, and
 * wait for a yes where policy wants one, like answers to any request during a gated call. Only `inputResponses` is the
 * agent's: everything else of the message is what the call's opener sent.
 */
export async function updateRelayed(context: TaskContext, message: TaskMessage, task: Task): Promise<Response> {
  const { gateway, runs, servers, door, heldCalls } = context;
  const idText = message.idText ?? 'null';
  const { principal } = message;
  const given = textAt(message.text, ['params', 'inputResponses']);
  if (given === null) return rpcError(400, INVALID_PARAMS, 'tasks/update holds its answers in inputResponses.', idText);
  const [made, kept] = [await runs.followed.handleFor(task.approval), await requestOfTask(gateway, task)];
  const [server, parent] = [servers(task.server), await gateway.store.find(task.approval)];
  if (made === null || kept === null || parent === null)
    return rpcError(200, INVALID_PARAMS, 'The task is over.', idText);
  if (server === undefined) return rpcError(503, 503, `${task.server} is not configured now.`, idText);
  const place = { grant: task.grant, server: task.server, session: null, key: `task ${task.id}` };
  const asked = await currentRequest(context, task, place);
  if (typeof asked === 'string') {
    const why = `Not sent: what the server asks cannot be answered through the gateway: ${asked}.`;
    return rpcError(409, 409, `${why} Cancel the task, or wait for the server to ask otherwise.`, idText);
  }
  if (asked === null) return rpcError(503, 503, 'Not sent: the gateway cannot keep what the server asks now.', idText);
  const call = door.callOf(kept, task.server, principal);
  const upstreamTask = parseUpstreamTask(made);
  const headers = upstreamTaskHeaders(upstreamTask, server);
  const answered = await answerAsked({
    gateway,
    track: (run) => heldCalls.track(run),
    rewritten: given,
    answer: { ...message, session: null, idText },
    asked,
    parent,
    call: { ...call, params: { ...call.params, answer: JSON.parse(given) as Json } },
    headers,
    // It is no request of the server's: after a no, the agent may answer otherwise.
    refusal: null,
    post: async ({ text }) => {
      const params = withMember(upstreamTaskParams(upstreamTask), ['inputResponses'], text);
      return exchanged(await requestServer({ server, grant: task.grant, headers, method: 'tasks/update', params }));
    },
  });
  return answered.status < 300 ? rpcResult(idText, ACK) : answered;
}

/**
 * What the server asks now, kept like any request during a gated call. A text: why it cannot be kept. Null: it was taken
 * back meanwhile.
 */
async function currentRequest(
  { gateway, runs }: TaskContext,
  task: Task,
  place: { readonly grant: string; readonly server: string; readonly session: null; readonly key: string },
) {
  const open = await findServerRequest(gateway, place);
  if (open !== null && !open.answered) return open;
  const state = await runs.followed.pollNow(task.approval);
  if (state?.kind === 'open' && state.leftOut !== null) return whyTooLong(state.leftOut);
  const inputRequests = state?.kind === 'open' ? textAt(state.text, ['inputRequests']) : null;
  const text = `{"inputRequests":${inputRequests ?? '{}'}}`;
  const why = await keepServerRequest(gateway, { ...place, approval: task.approval, text });
  return why ?? findServerRequest(gateway, place);
}

/** The server's answer as far as the agent's POST depends on it. */
async function exchanged({ outcome }: SendResult): Promise<ExchangeAnswer> {
  if (outcome.kind === 'not_sent') return outcome;
  if (outcome.kind === 'unknown') return { kind: 'lost', why: outcome.why };
  const isError = outcome.failed && (await placesIn(outcome.response, [['error']]))?.has('error') === true;
  return { kind: 'answer', status: isError ? 400 : 200, headers: [], body: null };
}
