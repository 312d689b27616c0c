import { REASON_ARGUMENT, REASON_MEMBER, saysWhy } from '../../domain/call/stated-reason.ts';
import { isObject, type JsonObject, member } from '../../domain/json/json.ts';
import { offersReason } from '../../domain/policy/rule.ts';
import { refuseCall } from '../../gateway/call/refuse-call.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ReasonRoom } from '../../gateway/tools/tool-lists.ts';
import { inTurns } from '../../time/in-turns.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { headerDisagreementSteps } from '../door/header-agreement.ts';
import { comparableName } from '../protocol/gated-headers.ts';
import { unknownArgumentResult } from '../protocol/reason-result.ts';
import { HEADER_MISMATCH, INVALID_PARAMS, notForwarded, rpcError, rpcResult } from '../protocol/response.ts';
import { resultText } from '../protocol/tool-results.ts';
import { bindingOf } from './come-back.ts';
import { callWithout } from './edited-call.ts';
import { FORM, isFormState, isOpenForm, readForm } from './reason-form.ts';
import { callOfRequest } from './request.ts';

/** A call without what says why it is made, which is for people and never for its server. */
export interface ReasonedCall {
  readonly request: ToolCallRequest;
  /** The agent's own words, whole: who keeps them cuts them. null: it gave none. */
  readonly reason: string | null;
  /** Something of the message was taken out, so it is not forwarded as it came. */
  readonly edited: boolean;
  /** What came of a form that asked for the reason, where it brought none; null: nobody has asked. */
  readonly asked: string | null;
}

/** Whether a tool's own schema leaves room for `holdfast_reason`. */
export type FindReasonRoom = (server: string, tool: string) => ReasonRoom | Promise<ReasonRoom>;

/**
 * Takes the reason out of a call, wherever the agent has said it: in `_meta`, where it stays until the call is frozen; in
 * the argument, where policy has lists offer one and the tool has none of that name; in the answer to our form.
 */
export function takeReason(
  gateway: Gateway,
  roomFor: FindReasonRoom,
  came: ToolCallRequest,
): ReasonedCall | Promise<ReasonedCall | Response> {
  const args = member(came.params, 'arguments');
  const inArgument = isObject(args) && Object.hasOwn(args, REASON_ARGUMENT);
  const inForm = came.modern && isFormState(member(came.params, 'requestState'));
  // Nearly all calls, which are then not waited for.
  if (!inArgument && !inForm)
    return { request: came, reason: wordsIn([statedReason(came)]), edited: false, asked: null };
  return takeOut(gateway, roomFor, came);
}

async function takeOut(
  gateway: Gateway,
  roomFor: FindReasonRoom,
  came: ToolCallRequest,
): Promise<ReasonedCall | Response> {
  // The argument first: a form's state is bound to the call without it, and comes back with the call as its client has it.
  const inArgument = await withoutArgument(gateway, roomFor, came);
  if (inArgument instanceof Response) return inArgument;
  const answered = await withoutForm(gateway, inArgument.request);
  if (answered instanceof Response) return answered;
  const { request } = answered;
  const reason = wordsIn([answered.reason, inArgument.reason, statedReason(request)]);
  const edited = answered.edited || inArgument.edited;
  return { request, reason, edited, asked: reason === null ? answered.asked : null };
}

function wordsIn(said: readonly (string | null)[]): string | null {
  return said.find(saysWhy) ?? null;
}

async function withoutForm(gateway: Gateway, request: ToolCallRequest): Promise<ReasonedCall | Response> {
  const state = member(request.params, 'requestState');
  if (!request.modern || !isFormState(state)) return { request, reason: null, edited: false, asked: null };
  const responses = member(request.params, 'inputResponses');
  const bare = await callWithout(request, [['inputResponses'], ['requestState']]);
  const others = isObject(responses) ? Object.keys(responses).filter((name) => name !== FORM) : [];
  if (others.length > 0 || !isOpenForm(gateway.vault, bindingOf(gateway, bare), state, gateway.clock.now())) {
    const why = 'requestState was not issued for this call, or is too old. Repeat the call without it.';
    return rpcError(400, INVALID_PARAMS, why, request.idText);
  }
  const read = readForm(member(responses, FORM));
  return 'reason' in read
    ? { request: bare, reason: read.reason, edited: true, asked: null }
    : { request: bare, reason: null, edited: true, asked: read.why };
}

async function withoutArgument(
  gateway: Gateway,
  roomFor: FindReasonRoom,
  request: ToolCallRequest,
): Promise<ReasonedCall | Response> {
  const untouched = { request, reason: null, edited: false, asked: null };
  const args = member(request.params, 'arguments');
  if (!isObject(args) || !Object.hasOwn(args, REASON_ARGUMENT)) return untouched;
  const policy = gateway.rules.policy(request.server);
  const tool = String(member(request.params, 'name'));
  if (policy === null || !offersReason(policy, tool)) return untouched;
  const room = await roomFor(request.server, tool);
  if (room === 'own') return untouched;
  if (room === 'unknown') {
    refuseCall(gateway, callOfRequest(request), `it is not known whose argument ${REASON_ARGUMENT} is`);
    return rpcResult(request.idText, resultText(unknownArgumentResult(request.server), request.modern));
  }
  const said = args[REASON_ARGUMENT];
  const bare = await callWithout(request, [['arguments', REASON_ARGUMENT]], repeatsArgument);
  // What the reason alone confirmed of a header is not sent in the body, so that the header may not say it either.
  const { requestHeaders, message, inexact } = bare;
  const fault = await inTurns(headerDisagreementSteps(requestHeaders, { kind: 'message', message, inexact }));
  if (fault !== null) return rpcError(400, HEADER_MISMATCH, notForwarded(fault), request.idText);
  return { request: bare, reason: typeof said === 'string' ? said : null, edited: true, asked: null };
}

const HEADER = 'mcp-param-';
const ARGUMENT = comparableName(REASON_ARGUMENT);

/** A header that repeats the argument goes with it. */
function repeatsArgument(name: string): boolean {
  return name.startsWith(HEADER) && comparableName(name.slice(HEADER.length)) === ARGUMENT;
}

/** The agent's own reason in `_meta["holdfast/reason"]`. Null when it gives none. */
function statedReason({ params }: { readonly params: JsonObject }): string | null {
  const meta = member(params, '_meta');
  const reason = isObject(meta) ? member(meta, REASON_MEMBER) : undefined;
  return typeof reason === 'string' && reason.trim() !== '' ? reason : null;
}
