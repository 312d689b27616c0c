import type { Call, Principal } from '../../domain/call/call.ts';
import { isObject, type JsonObject, member } from '../../domain/json/json.ts';
import type { Upstream } from '../../ports.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { withoutMember } from '../json/edit.ts';

/** What a held call needs until it ends: the bytes once, nothing parsed, nothing that its id cannot find again. */
export interface HeldRequest {
  readonly principal: Principal;
  readonly server: string;
  readonly session: string | null;
  readonly idText: string;
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly upstream: Upstream;
  /** 2026-07-28: results say their type, and a closed stream is a cancellation. */
  readonly modern: boolean;
  /** The client's progress token as JSON text; null when it sent none. */
  readonly progressToken: string | null;
}

/**
 * A call that is held is answered itself: a `params.task` of a client that did not say that it speaks tasks (2025-11-25)
 * stays here, or the server would make a task that nobody follows.
 */
export function heldRequest(request: ToolCallRequest, given = request.bytes): HeldRequest {
  const { principal, server, session, idText, headers, upstream, modern } = request;
  const cut = !modern && member(request.params, 'task') !== undefined;
  const bytes = cut ? new TextEncoder().encode(withoutMember(UTF8.decode(given), ['params', 'task'])) : given;
  const progressToken = progressTokenOf(request.params);
  return { principal, server, session, idText, bytes, headers, upstream, modern, progressToken };
}

export function progressTokenOf(params: JsonObject): string | null {
  const meta = member(params, '_meta');
  const token = isObject(meta) ? member(meta, 'progressToken') : undefined;
  return typeof token === 'string' || typeof token === 'number' ? JSON.stringify(token) : null;
}

/** The call, as policy sees it. */
export function callOf(request: Pick<HeldRequest, 'principal' | 'server' | 'session'>, params: JsonObject): Call {
  const args = member(params, 'arguments');
  return {
    principal: request.principal,
    server: request.server,
    tool: String(member(params, 'name')),
    args: isObject(args) ? args : {},
    session: request.session,
    params,
  };
}

const UTF8 = new TextDecoder();

/** The same call, read again from its bytes, which have passed the strict door. */
export function recall(held: Pick<HeldRequest, 'principal' | 'server' | 'session' | 'bytes'>): Call {
  return callOf(held, paramsOf(held.bytes));
}

export function paramsOf(bytes: Uint8Array): JsonObject {
  return member(JSON.parse(UTF8.decode(bytes)) as JsonObject, 'params') as JsonObject;
}
