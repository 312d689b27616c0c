import { fingerprintMaterial } from '../../domain/call/fingerprint.ts';
import { member } from '../../domain/json/json.ts';
import { takeSeatAgain } from '../../gateway/call/seats.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { textAt, withMember, withoutMember } from '../json/edit.ts';
import { INVALID_PARAMS, rpcError } from '../protocol/response.ts';
import { callOf } from './request.ts';
import { isOurs, openState, type RequestState, type StateBinding } from './request-state.ts';
import type { Seated } from './seated.ts';

const UTF8 = new TextDecoder();

/** A caller that brought our state back, in its old place. */
export interface Returned extends Seated {
  readonly leg: number;
  readonly foreign: RequestState['foreign'];
  /** The call as its server is to see it: without our state, with what was the server's. */
  readonly bytes: Uint8Array;
}

/** The state a call brings, if it is one of ours. */
export function ourState(request: ToolCallRequest): string | null {
  const state = member(request.params, 'requestState');
  return request.modern && typeof state === 'string' && isOurs(state) ? state : null;
}

export function bindingOf(gateway: Gateway, request: ToolCallRequest): StateBinding {
  const { principal, server, params } = request;
  const fingerprints = gateway.vault.fingerprints(fingerprintMaterial(callOf(request, params)));
  return { grant: principal.grant, server, fingerprints };
}

/**
 * Takes the caller's old place again. A state that was changed, is another's or another call's, or was used before, is
 * refused (2026-07-28: attacker-controlled input). It entitles to nothing: without it the same call joins as well.
 */
export async function comeBack(
  gateway: Gateway,
  request: ToolCallRequest,
  text: string,
  binding: StateBinding,
): Promise<Returned | Response> {
  const state = openState(gateway.vault, binding, text, gateway.clock.now());
  const refuse = (why: string): Response =>
    rpcError(400, INVALID_PARAMS, `requestState ${why}. Repeat the call without it.`, request.idText);
  if (state === null) return refuse('was not issued for this call, or is too old');
  const { joiner, round, leg, foreign } = state;
  const approval = await takeSeatAgain(gateway, { joiner, session: null, requestId: request.idText, round });
  if (approval === null || approval.id !== state.approval) return refuse('was used before');
  return { approval, joiner, leg: leg + 1, foreign, bytes: restored(request.bytes, foreign) };
}

/** What a call brings that is its server's, while we have to ask first. */
export function foreignOf(request: ToolCallRequest): RequestState['foreign'] {
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
