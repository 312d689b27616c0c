import type { Freeze } from '../../domain/freeze/freeze.ts';
import { member } from '../../domain/json/json.ts';
import { loggedName, loggedUri } from '../../domain/log/shown-uri.ts';
import type { DeniedPart } from '../../domain/policy/judge-method.ts';
import type { AskedMessage, MethodsHandled } from '../../gateway/method/govern-methods.ts';
import { Unavailable } from '../../ports.ts';
import { frozenWords } from '../protocol/frozen-result.ts';
import { INVALID_PARAMS, INVALID_REQUEST, notForwarded, rpcError } from '../protocol/response.ts';
import { askedOf } from './asked.ts';
import type { PostedRequest } from './posted.ts';

/** The gateway's own JSON-RPC code for what policy denies; the HTTP status stays 200, as for every JSON-RPC error. */
const DENIED = 403;

/** The same for what a freeze stops, and the HTTP status for an answer of the agent's. */
const FROZEN = 423;

/** The messages may be relayed. `note` writes their events; called, and for a batch awaited, before they are sent. */
export interface Permitted {
  readonly note: () => Promise<void> | void;
}

/**
 * Asks policy about a POST that is no tool call, before anything is done with it. Returns the refusal: a JSON-RPC error
 * for a request, HTTP 202 for a notification, which is dropped, HTTP 400 for a batch, which is refused whole, and HTTP
 * 423 for an answer that a freeze stops.
 * Resolves at once for a single message that may pass. Throws `Unavailable('audit')` while the log cannot be written.
 */
export function govern(posted: PostedRequest): Permitted | Response | Promise<Permitted | Response> {
  const { read, context, principal, server, session } = posted;
  if (context.govern === undefined) return { note: () => undefined };
  const messages = read.kind === 'batch' ? read.messages : [read.message];
  const asked: AskedMessage[] = [];
  const places: number[] = [];
  for (const [index, message] of messages.entries()) {
    const method = member(message, 'method');
    // What has no method is an answer to something that the server asked.
    if (typeof method !== 'string') continue;
    asked.push(askedOf(message, method));
    places.push(index);
  }
  const caller = { principal, server: server.name, session: session?.digest ?? null };
  const freeze = asked.length === messages.length ? null : (context.freezeOverAnswers?.(caller, messages) ?? null);
  if (freeze !== null) return frozenAnswers(posted, freeze);
  const handled = context.govern(caller, asked);
  return handled instanceof Promise
    ? handled.then((settled) => permit(posted, asked, places, settled))
    : permit(posted, asked, places, handled);
}

function permit(
  posted: PostedRequest,
  asked: readonly AskedMessage[],
  places: readonly number[],
  handled: MethodsHandled,
): Permitted | Response {
  switch (handled.kind) {
    case 'relay':
      return handled;
    case 'misnamed':
      return misnamed(posted, places[handled.index]!, handled.fault);
    case 'frozen': {
      const { read } = posted;
      const words = frozenWords(handled.freeze);
      if (read.kind === 'batch') {
        const which = `[${places[handled.index]}] of the batch, ${loggedName(asked[handled.index]!.method)}`;
        return rpcError(400, INVALID_REQUEST, `${words}\nThe whole batch was refused because of ${which}.`);
      }
      return read.idText === null ? dropped() : rpcError(200, FROZEN, words, read.idText);
    }
    case 'unlogged':
      throw new Unavailable('audit', 'the audit log cannot be written');
    case 'denied': {
      const { read } = posted;
      const words = violation(handled.part, handled.reason, posted.server.name);
      if (read.kind === 'batch') {
        const which = `[${places[handled.index]}] of the batch, ${loggedName(asked[handled.index]!.method)}`;
        return rpcError(400, INVALID_REQUEST, `${words}\nThe whole batch was refused because of ${which}.`);
      }
      return read.idText === null ? dropped() : rpcError(200, DENIED, words, read.idText);
    }
    default:
      return handled satisfies never;
  }
}

/** A server that asked something waits: nothing that an agent answers reaches it meanwhile. */
function frozenAnswers({ read }: PostedRequest, freeze: Freeze): Response {
  const words = frozenWords(freeze);
  if (read.kind === 'batch') return rpcError(400, INVALID_REQUEST, `${words}\nThe whole batch was refused.`);
  return rpcError(FROZEN, FROZEN, words, read.idText ?? 'null');
}

function misnamed({ read }: PostedRequest, index: number, fault: string): Response {
  if (read.kind === 'batch') return rpcError(400, INVALID_PARAMS, notForwarded(`[${index}] of the batch: ${fault}`));
  return read.idText === null ? dropped() : rpcError(200, INVALID_PARAMS, notForwarded(fault), read.idText);
}

/** A notification has no answer: it is taken, and goes no further. */
function dropped(): Response {
  return new Response(null, { status: 202 });
}

const SECTIONS = { method: 'methods', prompt: 'prompts', resource: 'resources' } as const;

function violation({ kind, name }: DeniedPart, reason: string, server: string): string {
  const shown = kind === 'resource' ? loggedUri(name) : loggedName(name);
  return (
    `Policy violation: the ${kind} ${shown} is denied on ${server}: ${reason}.\n` +
    `Nothing was sent to the server. Do without it, or ask the operator to allow it under ${SECTIONS[kind]} in the ` +
    'policy of this server.'
  );
}
