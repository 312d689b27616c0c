import type { Call, Principal } from '../../domain/call/call.ts';
import { isObject, type JsonObject, member } from '../../domain/json/json.ts';
import type { Upstream } from '../../ports.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { withoutMember } from '../json/edit.ts';

/**
 * What is kept in memory of a held call until it ends: its bytes once, nothing parsed, nothing that can be looked up.
 */
export interface HeldRequest {
  readonly principal: Principal;
  readonly server: string;
  readonly session: string | null;
  readonly idText: string;
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly upstream: Upstream;
  /** 2026-07-28: results state their type, and closing the stream cancels the call. */
  readonly modern: boolean;
  /** The client's progress token as JSON text; null when it sent none. */
  readonly progressToken: string | null;
}

/**
 * The held form of a request. `sentBytes`: the call as its server must see it. A held call is answered with its own
 * result, so the `params.task` of a client that did not declare tasks (2025-11-25) is removed; otherwise the server
 * would create a task that nobody follows.
 */
export function heldRequest(request: ToolCallRequest, sentBytes = request.bytes): HeldRequest {
  const { principal, server, session, idText, headers, upstream, modern } = request;
  const cut = !modern && member(request.params, 'task') !== undefined;
  const bytes = cut ? new TextEncoder().encode(withoutMember(UTF8.decode(sentBytes), ['params', 'task'])) : sentBytes;
  const progressToken = progressTokenOf(request.params);
  return { principal, server, session, idText, bytes, headers, upstream, modern, progressToken };
}

/** The client's progress token, as JSON text; null when it sent none. */
export function progressTokenOf(params: JsonObject): string | null {
  const meta = member(params, '_meta');
  const token = isObject(meta) ? member(meta, 'progressToken') : undefined;
  return typeof token === 'string' || typeof token === 'number' ? JSON.stringify(token) : null;
}

/** The call as policy evaluates it. */
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

/** Reads the call again from its bytes, which the strict door has accepted. */
export function rereadCall(held: Pick<HeldRequest, 'principal' | 'server' | 'session' | 'bytes'>): Call {
  return callOf(held, paramsOf(held.bytes));
}

/** The `params` of a request that the strict door has accepted. */
export function paramsOf(bytes: Uint8Array): JsonObject {
  return member(JSON.parse(UTF8.decode(bytes)) as JsonObject, 'params') as JsonObject;
}
