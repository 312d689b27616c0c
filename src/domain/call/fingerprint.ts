import type { JsonObject } from '../json/json.ts';
import { member } from '../json/json.ts';
import type { Call, Principal } from './call.ts';
import { type Sent, sentOf, withoutAnswers } from './sent.ts';

/**
 * What a fingerprint is made over (P1): principal, server, tool, arguments, and everything else that is forwarded, but
 * for what only says how the answer travels.
 */
export function fingerprintMaterial(call: Call): JsonObject {
  return material(call, sentOf(call.params, call.headers));
}

/**
 * The same for the call whatever it answers (2026-07-28, MRTR): all rounds of one call have this in common, while
 * `requestState` and `inputResponses` change from round to round.
 */
export function roundsMaterial(call: Call): JsonObject {
  return material(call, withoutAnswers(sentOf(call.params, call.headers)));
}

/** Whether the call claims a revision, which only those from 2026-07-28 on do. */
function isModern(params: JsonObject): boolean {
  return typeof member(member(params, '_meta'), 'io.modelcontextprotocol/protocolVersion') === 'string';
}

/** The boundary of joins, results and allowances: calls of two that differ in it are never taken for each other's. */
function boundaryOf({ grant }: Principal): string {
  return grant;
}

function material(call: Call, { params, meta, headers }: Sent): JsonObject {
  const args = member(call.params, 'arguments');
  return {
    principal: boundaryOf(call.principal),
    server: call.server,
    tool: call.tool,
    ...(args === undefined ? {} : { arguments: args }),
    params,
    meta,
    // A server of 2026-07-28 may answer the same call with a question, so the eras are not exchanged.
    ...(isModern(call.params) ? { stateless: true } : {}),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
  };
}
