import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { keepServerRequest } from '../../gateway/dispatch/server-requests.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { AskedKey } from '../../ports.ts';
import { textAt } from '../json/edit.ts';
import { requestKey } from '../protocol/request-key.ts';
import { fieldsOf } from '../sse/fields.ts';

const UTF8 = new TextDecoder();

/** Where a server's requests come from: the gated call that runs, and the session in which they are answered. */
export interface RequestPlace extends Omit<AskedKey, 'key'> {
  readonly approval: string;
}

/**
 * Keeps the requests in an event of a server's, before the event is passed on to the agent. Returns the answers that the
 * server gets at once instead, as JSON texts: then the event is not passed on. Empty: it is. A request that cannot be
 * kept must not reach the agent, because nobody would know to which call its answer belongs.
 */
export async function keepRequests(
  gateway: Pick<Gateway, 'clock' | 'log' | 'tasks' | 'vault'>,
  place: RequestPlace,
  event: Uint8Array,
): Promise<readonly string[]> {
  const requests = requestsIn(event);
  const refusals: string[] = [];
  for (const { text, id } of requests) {
    const { approval, grant, server, session } = place;
    const asked = { approval, grant, server, session, key: requestKey(id), text };
    const why = await keepServerRequest(gateway, asked).catch((error: Error) => {
      gateway.log.error({ err: error, approval }, 'a request of a server could not be kept');
      return 'the gateway cannot keep it now';
    });
    if (why !== null) refusals.push(errorAnswer(textAt(text, ['id']) ?? 'null', `Not passed on to the agent: ${why}.`));
  }
  return refusals;
}

/** The JSON-RPC requests in an event: one, or those of a batch. */
export function requestsIn(event: Uint8Array): readonly { readonly text: string; readonly id: Json }[] {
  const whole = UTF8.decode(event);
  // Saves parsing what can be no request; a member's name may be written with escapes.
  if (!(whole.includes('"method"') && whole.includes('"id"')) && !whole.includes('\\u')) return [];
  const { data } = fieldsOf(whole);
  if (data === null) return [];
  try {
    const value = JSON.parse(data) as Json;
    if (!Array.isArray(value)) return isRequest(value) ? [{ text: data, id: value.id! }] : [];
    return value.filter(isRequest).map((message) => ({ text: JSON.stringify(message), id: message.id! }));
  } catch {
    return [];
  }
}

function isRequest(value: Json): value is JsonObject {
  return isObject(value) && typeof member(value, 'method') === 'string' && member(value, 'id') !== undefined;
}

/** A JSON-RPC error for the server, in place of the agent's answer. `idText`: JSON text. */
export function errorAnswer(idText: string, message: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"error":{"code":-32603,"message":${JSON.stringify(message)}}}`;
}
