import { member } from '../../domain/json/json.ts';
import type { Unreasoned } from '../../gateway/call/arrival.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { bindingOf } from './come-back.ts';
import { answersForms, FORM, reasonForm, sealFormState } from './reason-form.ts';

/** Whether this call may be answered with a form: its client answers forms, and brings no other answers. */
export function mayBeAsked({ modern, params }: ToolCallRequest): boolean {
  if (!modern || member(params, 'inputResponses') !== undefined || member(params, 'requestState') !== undefined) {
    return false;
  }
  return answersForms(member(member(params, '_meta'), 'io.modelcontextprotocol/clientCapabilities'));
}

/** The result that asks for the agent's reason (2026-07-28, MRTR), as JSON text. The same call comes back with the answer. */
export function reasonQuestion(gateway: Gateway, request: ToolCallRequest, unreasoned: Unreasoned): string {
  const requestState = sealFormState(gateway.vault, bindingOf(gateway, request), gateway.clock.now());
  const inputRequests = { [FORM]: { method: 'elicitation/create', params: reasonForm(unreasoned) } };
  return JSON.stringify({ resultType: 'input_required', inputRequests, requestState });
}
