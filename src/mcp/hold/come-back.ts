import { roundsMaterial } from '../../domain/call/fingerprint.ts';
import { member } from '../../domain/json/json.ts';
import { takeSeatAgain } from '../../gateway/call/seats.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { INVALID_PARAMS, rpcError } from '../protocol/response.ts';
import { callOfRequest } from './request.ts';
import { isOurState, openState, type StateBinding } from './request-state.ts';
import type { Seated } from './seated.ts';

/** A caller that came back with our state and has its old seat again. */
export interface ReturnedCaller extends Seated {
  /** How often this caller has waited, this time included. */
  readonly attempt: number;
}

/** The request's `requestState`, if it is one of ours; else null. */
export function ourState(request: ToolCallRequest): string | null {
  const state = member(request.params, 'requestState');
  return request.modern && typeof state === 'string' && isOurState(state) ? state : null;
}

/** What the state of this call is bound to: the call, whatever it answers. */
export function bindingOf(gateway: Gateway, request: ToolCallRequest): StateBinding {
  const { principal, server } = request;
  const fingerprints = gateway.vault.fingerprints(roundsMaterial(callOfRequest(request)));
  return { grant: principal.grant, server, fingerprints };
}

/**
 * Gives the caller its old seat again. A state that was altered, belongs to another caller or another call, or was used
 * before is refused with HTTP 400 (2026-07-28: the state is attacker-controlled input). The state grants no right:
 * without it, the same call joins the approval all the same. What the caller brings besides is not sent: what is sent
 * was frozen when the approval opened.
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
  const { joiner, round, leg } = state;
  const approval = await takeSeatAgain(gateway, {
    ...{ joiner, grant: binding.grant, server: binding.server },
    ...{ session: null, requestId: request.idText, round },
  });
  if (approval === null || approval.id !== state.approval) return refuse('was used before');
  return { approval, joiner, attempt: leg + 1 };
}
