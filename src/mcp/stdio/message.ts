import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { elementsIn, placesIn, withoutBlanks } from '../json/find.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { OPEN_ARRAY } from '../json/text.ts';
import { messagesOf } from './lines.ts';

/** What routing needs to know about a JSON-RPC message. Ids and tokens are JSON text, so that 1 and "1" differ. */
export type StdioMessage =
  | { readonly kind: 'request'; readonly id: string; readonly method: string; readonly token: string | null }
  | {
      readonly kind: 'response';
      readonly id: string;
      readonly failed: boolean;
      /** In an `initialize` result: the agreed revision. */
      readonly version: string | null;
    }
  | {
      readonly kind: 'notification';
      readonly method: string;
      /** In `notifications/progress`: the progress token. */
      readonly token: string | null;
      /** In `notifications/cancelled`: the request's id. */
      readonly cancels: string | null;
    };

/** A POST's messages, one or a batch, each with its own bytes. */
export interface PostedMessages {
  readonly batch: boolean;
  readonly parts: readonly { readonly bytes: Uint8Array; readonly message: StdioMessage }[];
}

/** What a POST's body contains, or why it is refused. */
export type PostReading =
  | { readonly kind: 'read'; readonly posted: PostedMessages }
  | { readonly kind: 'refused'; readonly why: 'not_json' | 'not_a_message' };

/** Reads a POST's body. Refuses what is not JSON, an empty batch, and a batch with anything but JSON-RPC messages. */
function readPosted(body: Uint8Array): PostReading {
  const value = parseJson(body);
  if (value === undefined) return { kind: 'refused', why: 'not_json' };
  const { batch, messages } = messagesOf(body);
  const parts = messages.map((bytes) => ({ bytes, message: classifyMessage(batch ? parseJson(bytes) : value) }));
  const readable = parts.filter((part): part is PostedMessages['parts'][number] => part.message !== null);
  if (readable.length === 0 || readable.length < parts.length) return { kind: 'refused', why: 'not_a_message' };
  return { kind: 'read', posted: { batch, parts: readable } };
}

/** The same for a body of any length, in pieces where it is large. */
export async function readPostedInPieces(body: Uint8Array): Promise<PostReading> {
  if (body.length < LARGE_MESSAGE) return readPosted(body);
  if ((await placesIn(body, [])) === null) return { kind: 'refused', why: 'not_json' };
  const whole = withoutBlanks(body, 0, body.length);
  const batch = body[whole.start] === OPEN_ARRAY;
  const parts: PostedMessages['parts'][number][] = [];
  const add = async (bytes: Uint8Array): Promise<boolean> => {
    const message = await classifyLarge(bytes);
    if (message !== null) parts.push({ bytes, message });
    return message !== null;
  };
  if (!batch && !(await add(body))) return { kind: 'refused', why: 'not_a_message' };
  for await (const { start, end } of elementsIn(body, whole))
    if (!(await add(body.subarray(start, end)))) return { kind: 'refused', why: 'not_a_message' };
  return parts.length === 0 ? { kind: 'refused', why: 'not_a_message' } : { kind: 'read', posted: { batch, parts } };
}

/** The JSON value of the bytes; undefined when they are not JSON. */
export function parseJson(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)) as Json;
  } catch {
    return undefined;
  }
}

/** Reads one message; null when the value is not a JSON-RPC message. */
export function classifyMessage(value: Json | undefined): StdioMessage | null {
  if (!isObject(value)) return null;
  const method = member(value, 'method');
  const id = idText(member(value, 'id'));
  if (typeof method === 'string') {
    const params = member(value, 'params');
    if (Object.hasOwn(value, 'id')) {
      return id === null
        ? null
        : { kind: 'request', id, method, token: idText(member(member(params, '_meta'), 'progressToken')) };
    }
    return {
      kind: 'notification',
      method,
      token: method === 'notifications/progress' ? idText(member(params, 'progressToken')) : null,
      cancels: method === 'notifications/cancelled' ? idText(member(params, 'requestId')) : null,
    };
  }
  const failed = Object.hasOwn(value, 'error');
  if (!failed && !Object.hasOwn(value, 'result')) return null;
  const version = member(member(value, 'result'), 'protocolVersion');
  return { kind: 'response', id: id ?? 'null', failed, version: typeof version === 'string' ? version : null };
}

const ASKED = [
  ['id'],
  ['method'],
  ['error'],
  ['result'],
  ['result', 'protocolVersion'],
  ['params', 'progressToken'],
  ['params', 'requestId'],
  ['params', '_meta', 'progressToken'],
] as const;
/** Longest id, token, name of a method or revision that is read of a large message, in bytes. */
const LONGEST_WORD = 4_096;

/** The same for a message of any length, in pieces; null too when it is not JSON. A batch is no message. */
export async function classifyLarge(bytes: Uint8Array): Promise<StdioMessage | null> {
  const places = await placesIn(bytes, ASKED);
  if (places === null) return null;
  const at = (path: string): Json | undefined => {
    const place = places.get(path);
    if (place === undefined || place.end - place.start > LONGEST_WORD) return undefined;
    return parseJson(bytes.subarray(place.start, place.end));
  };
  return classifyMessage({
    ...memberOf('id', places.has('id') ? (at('id') ?? null) : undefined),
    ...memberOf('method', at('method')),
    ...(places.has('error') ? { error: {} } : {}),
    ...(places.has('result') ? { result: memberOf('protocolVersion', at('result protocolVersion')) } : {}),
    params: {
      ...memberOf('progressToken', at('params progressToken')),
      ...memberOf('requestId', at('params requestId')),
      _meta: memberOf('progressToken', at('params _meta progressToken')),
    },
  });
}

function memberOf(name: string, value: Json | undefined): JsonObject {
  return value === undefined ? {} : { [name]: value };
}

function idText(value: Json | undefined): string | null {
  return typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value) : null;
}
