import type { Handled } from '../gateway/call/arrival.ts';
import type { ToolCallRequest } from './door/call-door.ts';
import { frozenResult } from './protocol/frozen-result.ts';
import { overfullResult } from './protocol/overfull-result.ts';
import { unreasonedResult } from './protocol/reason-result.ts';
import { rpcError, rpcResult } from './protocol/response.ts';
import {
  deniedResult,
  inexactValueResult,
  pendingLimitResult,
  rateLimitedResult,
  resultText,
  standingDenialResult,
  type ToolResult,
  tooLongResult,
  unavailableResult,
  unjoinedResult,
  unshownResult,
} from './protocol/tool-results.ts';
import { wantedTaskEra } from './tasks/messages.ts';

/** JSON-RPC error codes of our own: HTTP statuses, outside the range that JSON-RPC reserves. */
const REFUSAL_CODES = {
  denied: 403,
  standing: 403,
  limited: 429,
  inexact: 400,
  unshown: 400,
  crowded: 429,
  overfull: 429,
  too_long: 413,
  unavailable: 503,
  frozen: 423,
  unjoined: 403,
  unreasoned: 428,
} as const satisfies Record<RefusedCall['kind'], number>;

export type RefusedCall = Exclude<Handled, { kind: 'forward' | 'held' | 'unasked' }>;

/**
 * What an agent is told of a call that is neither forwarded nor held. A client that asked for a task gets an error: it
 * would take a result for that of a task (2025-11-25).
 */
export function refusal(request: ToolCallRequest, handled: RefusedCall, asked: string | null = null): Response {
  if (wantedTaskEra(request) === 'legacy') {
    return rpcError(200, REFUSAL_CODES[handled.kind], refusalResult(handled, asked).content[0].text, request.idText);
  }
  return rpcResult(request.idText, resultText(refusalResult(handled, asked), request.modern));
}

/** `asked`: as `unreasonedResult` takes it. */
export function refusalResult(handled: RefusedCall, asked: string | null = null): ToolResult {
  switch (handled.kind) {
    case 'denied':
      return deniedResult(handled.reason);
    case 'standing':
      return standingDenialResult(handled.denial);
    case 'limited':
      return rateLimitedResult(handled.full);
    case 'inexact':
      return inexactValueResult(handled.judged);
    case 'unshown':
      return unshownResult(handled.why);
    case 'too_long':
      return tooLongResult(handled);
    case 'crowded':
      return pendingLimitResult(handled.pending);
    case 'overfull':
      return overfullResult(handled.refusal);
    case 'unavailable':
      return unavailableResult(handled.part);
    case 'frozen':
      return frozenResult(handled.freeze);
    case 'unjoined':
      return unjoinedResult(handled.why);
    case 'unreasoned':
      return unreasonedResult(handled.unreasoned, asked);
    default:
      return handled satisfies never;
  }
}
