import { isObject, type Json, member } from '../../domain/json/json.ts';
import { messagesOf } from './lines.ts';

/** What routing needs to know of one JSON-RPC message. Ids and tokens are JSON text, so that 1 and "1" differ. */
export type Message =
  | { readonly kind: 'request'; readonly id: string; readonly method: string; readonly token: string | null }
  | {
      readonly kind: 'response';
      readonly id: string;
      readonly failed: boolean;
      /** Of an `initialize` result: the revision agreed on. */
      readonly version: string | null;
    }
  | {
      readonly kind: 'notification';
      readonly method: string;
      /** Of `notifications/progress`: whose. */
      readonly token: string | null;
      /** Of `notifications/cancelled`: the request's id. */
      readonly cancels: string | null;
    };

/** What a client posted, read once: one message, or a batch of them with their own bytes. */
export interface PostedMessages {
  readonly batch: boolean;
  readonly parts: readonly { readonly bytes: Uint8Array; readonly message: Message }[];
}

export type PostReading =
  | { readonly kind: 'read'; readonly posted: PostedMessages }
  | { readonly kind: 'refused'; readonly why: 'not_json' | 'not_a_message' };

/** Reads a POST's body. */
export function readPosted(body: Uint8Array): PostReading {
  const value = parsed(body);
  if (value === undefined) return { kind: 'refused', why: 'not_json' };
  const { batch, messages } = messagesOf(body);
  const parts = messages.map((bytes) => ({ bytes, message: readMessage(batch ? parsed(bytes) : value) }));
  const good = parts.filter((part): part is PostedMessages['parts'][number] => part.message !== null);
  if (good.length === 0 || good.length < parts.length) return { kind: 'refused', why: 'not_a_message' };
  return { kind: 'read', posted: { batch, parts: good } };
}

/** Any JSON value, or undefined where the bytes are none. */
export function parsed(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)) as Json;
  } catch {
    return undefined;
  }
}

/** Reads one message; null where the value is no JSON-RPC message. */
export function readMessage(value: Json | undefined): Message | null {
  if (!isObject(value)) return null;
  const method = member(value, 'method');
  const id = key(member(value, 'id'));
  if (typeof method === 'string') {
    const params = member(value, 'params');
    if (Object.hasOwn(value, 'id')) {
      return id === null
        ? null
        : { kind: 'request', id, method, token: key(member(member(params, '_meta'), 'progressToken')) };
    }
    return {
      kind: 'notification',
      method,
      token: method === 'notifications/progress' ? key(member(params, 'progressToken')) : null,
      cancels: method === 'notifications/cancelled' ? key(member(params, 'requestId')) : null,
    };
  }
  const failed = Object.hasOwn(value, 'error');
  if (!failed && !Object.hasOwn(value, 'result')) return null;
  const version = member(member(value, 'result'), 'protocolVersion');
  return { kind: 'response', id: id ?? 'null', failed, version: typeof version === 'string' ? version : null };
}

function key(value: Json | undefined): string | null {
  return typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value) : null;
}
