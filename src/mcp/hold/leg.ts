import type { Approval } from '../../domain/approval/approval.ts';
import { ALL_EXACT } from '../../domain/call/inexact.ts';
import type { Json } from '../../domain/json/json.ts';
import { DEFAULT_REDACTION, redact } from '../../domain/json/redact.ts';
import type { Arrival, Leg } from '../../gateway/call/arrival.ts';
import { parkedCall } from '../../gateway/call/seats.ts';
import { keptResult } from '../../gateway/dispatch/kept-result.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { type Answers, answering, callOfFrozen, frozenBytes, frozenCallIn } from './frozen-call.ts';
import { questionInPieces } from './question.ts';

/** A leg, ready to be asked about. */
export type LegArrival = Arrival & { readonly leg: Leg };

/**
 * The answer in this request as a leg of the call whose server asked (2026-07-28): what is frozen is that call as its
 * opener sent it, with these answers. Null: the call or its question is no longer kept.
 */
export async function legOfRequest(
  gateway: Pick<Gateway, 'rules' | 'store' | 'vault'>,
  request: ToolCallRequest,
  parent: Approval,
  answers: Answers,
  statedReason: string | null,
): Promise<LegArrival | null> {
  const parked = await parkedCall(gateway, parent);
  const kept = parked === null ? null : await keptResult(gateway, parent);
  if (parked === null || kept === null) return null;
  const frozen = answering(frozenCallIn(parked), answers);
  return {
    call: callOfFrozen(request, frozen),
    policy: gateway.rules.policy(request.server),
    bytes: request.bytes,
    requestId: request.idText,
    inexact: ALL_EXACT,
    freeze: () => frozenBytes(frozen),
    gatedFault: () => null,
    statedReason,
    leg: {
      parent,
      asked: {
        n: parent.questions,
        kind: 'result',
        text: serversWord((await questionInPieces(kept))?.inputRequests ?? null),
      },
    },
  };
}

/** Longest question that is read as JSON, in UTF-16 units; of a longer one the names and values are left out. */
const LONGEST_PARSED = 64 * 1024;

/**
 * What a server asked, for people: redacted by name. What its call hides is masked, and the whole cut, where it is kept.
 * `json`: JSON text; null: it asked nothing in particular.
 */
export function serversWord(json: string | null): string {
  if (json === null) return '';
  // A hostile server's question may be as long as an answer; nobody reads more of it than its beginning.
  if (json.length > LONGEST_PARSED)
    return json
      .slice(0, LONGEST_PARSED)
      .replaceAll(/"[^"]*"/g, '"…"')
      .toWellFormed();
  return JSON.stringify(redact(JSON.parse(json) as Json, DEFAULT_REDACTION)).toWellFormed();
}
