import { member } from '../../domain/json/json.ts';
import type { Unreasoned } from '../../gateway/call/arrival.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { answersForms } from '../protocol/client-forms.ts';
import { resultText, type ToolResult } from '../protocol/tool-results.ts';
import type { HeartbeatTarget } from '../sse/keep-alive.ts';
import type { HeldAnswer } from './answer.ts';
import { bindingOf } from './come-back.ts';
import { acceptsStream } from './held-calls.ts';
import { FORM, reasonForm, sealFormState } from './reason-form.ts';

/** Whether this call may be answered with a form: its client answers forms, and brings no other answers. */
export function mayBeAsked({ modern, params }: ToolCallRequest): boolean {
  if (!modern || member(params, 'inputResponses') !== undefined || member(params, 'requestState') !== undefined) {
    return false;
  }
  return answersForms(member(member(params, '_meta'), 'io.modelcontextprotocol/clientCapabilities'));
}

/** The first revision in which a server asks a client on the stream of a call. */
const ELICITATION = '2025-06-18';

/** Whether the client of this call can be asked on its stream: it has a session, takes a stream, and wants no task. */
export function answersOnStream({ modern, session, accept, params, protocolVersion }: ToolCallRequest): boolean {
  if (modern || session === null || !acceptsStream(accept) || params.task !== undefined) return false;
  return protocolVersion >= ELICITATION;
}

/** Signs of life on a stream on which a client was asked. */
export function beatsOn(answer: HeldAnswer): HeartbeatTarget {
  return { beat: () => answer.comment('holdfast waits for the reason') };
}

/** The last message of an answer, as JSON text. */
export function messageOf({ idText, modern }: ToolCallRequest, result: ToolResult): string {
  return `{"jsonrpc":"2.0","id":${idText},"result":${resultText(result, modern)}}`;
}

/** The result that asks for the agent's reason (2026-07-28, MRTR), as JSON text. The same call comes back with the answer. */
export function reasonQuestion(gateway: Gateway, request: ToolCallRequest, unreasoned: Unreasoned): string {
  const requestState = sealFormState(gateway.vault, bindingOf(gateway, request), gateway.clock.now());
  const inputRequests = { [FORM]: { method: 'elicitation/create', params: reasonForm(unreasoned) } };
  return JSON.stringify({ resultType: 'input_required', inputRequests, requestState });
}
