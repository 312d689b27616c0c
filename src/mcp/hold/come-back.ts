import { fingerprintMaterial } from '../../domain/call/fingerprint.ts';
import { member } from '../../domain/json/json.ts';
import { takeSeatAgain } from '../../gateway/call/seats.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { textAt, withMember, withoutMember } from '../json/edit.ts';
import { INVALID_PARAMS, rpcError } from '../protocol/response.ts';
import { callOf } from './request.ts';
import { isOurState, openState, type RequestState, type StateBinding } from './request-state.ts';
import type { Seated } from './seated.ts';

const UTF8 = new TextDecoder();

/** A caller that came back with our state and has its old seat again. */
export interface ReturnedCaller extends Seated {
  /** How often this caller has waited, this time included. */
  readonly attempt: number;
  readonly foreign: RequestState['foreign'];
  /** The call as its server must see it: without our state, and with the members meant for the server restored. */
  readonly bytes: Uint8Array;
}

/** The request's `requestState`, if it is one of ours; else null. */
export function ourState(request: ToolCallRequest): string | null {
  const state = member(request.params, 'requestState');
  return request.modern && typeof state === 'string' && isOurState(state) ? state : null;
}

/** What the state of this call is bound to. */
export function bindingOf(gateway: Gateway, request: ToolCallRequest): StateBinding {
  const { principal, server, params } = request;
  const fingerprints = gateway.vault.fingerprints(fingerprintMaterial(callOf(request, params)));
  return { grant: principal.grant, server, fingerprints };
}

/**
 * Gives the caller its old seat again. A state that was altered, belongs to another caller or another call, or was used
 * before is refused with HTTP 400 (2026-07-28: the state is attacker-controlled input). The state grants no right:
 * without it, the same call joins the approval all the same.
 */
export async function returnToSeat(
  gateway: Gateway,
  request: ToolCallRequest,
  text: string,
  binding: StateBinding,
): Promise<ReturnedCaller | Response> {
  const state = openState(gateway.vault, binding, text, gateway.clock.now());
  const refuse = (why: string): Response =>
    rpcError(400, INVALID_PARAMS, `requestState ${why}. Repeat the call without it.`, request.idText);
  if (state === null) return refuse('was not issued for this call, or is too old');
  const { joiner, round, leg, foreign } = state;
  const approval = await takeSeatAgain(gateway, { joiner, session: null, requestId: request.idText, round });
  if (approval === null || approval.id !== state.approval) return refuse('was used before');
  return { approval, joiner, attempt: leg + 1, foreign, bytes: restored(request.bytes, foreign) };
}

/** Members of the call that are meant for its server, kept while approvers are asked; null when it has none. */
export function foreignMembersOf(request: ToolCallRequest): RequestState['foreign'] {
  const text = UTF8.decode(request.bytes);
  const state = textAt(text, ['params', 'requestState']);
  const inputs = textAt(text, ['params', 'inputResponses']);
  return state === null && inputs === null ? null : { state, inputs };
}

function restored(bytes: Uint8Array, foreign: RequestState['foreign']): Uint8Array {
  let text = withoutMember(UTF8.decode(bytes), ['params', 'requestState']);
  text = withoutMember(text, ['params', 'inputResponses']);
  if (foreign?.state) text = withMember(text, ['params', 'requestState'], foreign.state);
  if (foreign?.inputs) text = withMember(text, ['params', 'inputResponses'], foreign.inputs);
  return new TextEncoder().encode(text);
}
