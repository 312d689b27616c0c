import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { keepServerRequest, LONGEST_REQUEST } from '../../gateway/dispatch/server-requests.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { AskedKey } from '../../ports.ts';
import { textAt } from '../json/edit.ts';
import { elementsIn, placesIn, withoutBlanks } from '../json/find.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { QUOTE } from '../json/text.ts';
import { requestKey } from '../protocol/request-key.ts';
import { fieldsOf } from '../sse/fields.ts';
import { largeEventFields } from '../sse/large-event.ts';

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
  const refusals: string[] = [];
  for (const { text, id, idText } of await requestsIn(event)) {
    const { approval, grant, server, session } = place;
    const asked = { approval, grant, server, session, key: requestKey(id), text };
    const why = await keepServerRequest(gateway, asked).catch((error: Error) => {
      gateway.log.error({ err: error, approval }, 'a request of a server could not be kept');
      return 'the gateway cannot keep it now';
    });
    if (why !== null) refusals.push(errorAnswer(idText, `Not passed on to the agent: ${why}.`));
  }
  return refusals;
}

/** Longest id of a server's request that is read, in bytes; a longer one is answered as if it were null. */
const LONGEST_ID = 4_096;

/** A JSON-RPC request of a server's. */
interface FoundRequest {
  /** Of one that is longer than is kept, only a beginning that is too long as well. */
  readonly text: string;
  readonly id: Json;
  /** The id as JSON text. */
  readonly idText: string;
}

/** The JSON-RPC requests in an event: one, or those of a batch. A long event is read in pieces. */
export async function requestsIn(event: Uint8Array): Promise<readonly FoundRequest[]> {
  if (event.length >= LARGE_MESSAGE) return requestsInPieces(event);
  const whole = UTF8.decode(event);
  // Saves parsing what can be no request; a member's name may be written with escapes.
  if (!(whole.includes('"method"') && whole.includes('"id"')) && !whole.includes('\\u')) return [];
  const { data } = fieldsOf(whole);
  if (data === null) return [];
  try {
    const value = JSON.parse(data) as Json;
    if (!Array.isArray(value)) return isRequest(value) ? [foundIn(data, value)] : [];
    return value.filter(isRequest).map((message) => foundIn(JSON.stringify(message), message));
  } catch {
    return [];
  }
}

function foundIn(text: string, { id = null }: JsonObject): FoundRequest {
  return { text, id, idText: textAt(text, ['id']) ?? 'null' };
}

async function requestsInPieces(event: Uint8Array): Promise<readonly FoundRequest[]> {
  const { data } = await largeEventFields(event);
  if (data === null || (await placesIn(data, [])) === null) return [];
  const found: FoundRequest[] = [];
  let isBatch = false;
  for await (const { start, end } of elementsIn(data, withoutBlanks(data, 0, data.length))) {
    isBatch = true;
    found.push(...(await requestIn(data.subarray(start, end))));
  }
  return isBatch ? found : requestIn(data);
}

/** The same for one message of any length. */
async function requestIn(message: Uint8Array): Promise<readonly FoundRequest[]> {
  const places = await placesIn(message, [['method'], ['id']]);
  const [method, id] = ['method', 'id'].map((name) => places?.get(name));
  if (method === undefined || id === undefined || message[method.start] !== QUOTE) return [];
  const idText = id.end - id.start > LONGEST_ID ? 'null' : UTF8.decode(message.subarray(id.start, id.end));
  // One that is too long is refused for its length alone.
  const kept = message.length > LONGEST_REQUEST ? message.subarray(0, LONGEST_REQUEST + 1) : message;
  return [{ text: UTF8.decode(kept), id: JSON.parse(idText) as Json, idText }];
}

function isRequest(value: Json): value is JsonObject {
  return isObject(value) && typeof member(value, 'method') === 'string' && member(value, 'id') !== undefined;
}

/** A JSON-RPC error for the server, in place of the agent's answer. `idText`: JSON text. */
export function errorAnswer(idText: string, message: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"error":{"code":-32603,"message":${JSON.stringify(message)}}}`;
}
