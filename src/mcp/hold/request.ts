import type { Call } from '../../domain/call/call.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import type { Upstream } from '../../ports.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import {
  type Answers,
  type Caller,
  callOf,
  callOfFrozen,
  frozenCallIn,
  type Sendable,
  sendable,
} from './frozen-call.ts';

/** What is kept in memory of a held call until it ends: nothing parsed, nothing that can be looked up. */
export interface HeldRequest extends Caller {
  readonly idText: string;
  /**
   * The frozen call, in its stored form; all callers of one approval share it. Null: the approval is over, so that
   * nothing will be sent.
   */
  readonly frozen: Uint8Array | null;
  /** The id of the caller's MCP session, in which the call is sent; null where there is none. */
  readonly sessionId: string | null;
  /** The server's configured headers, which win. */
  readonly configured: HeaderRecord;
  readonly upstream: Upstream;
  /** 2026-07-28: results state their type, and closing the stream cancels the call. */
  readonly modern: boolean;
  /** The client's progress token as JSON text; null when it sent none. */
  readonly progressToken: string | null;
  /** What the agent answers to what the server asked; null: it answers nothing. */
  readonly answers: Answers | null;
}

/** The held form of a request. */
export function heldRequest(
  request: ToolCallRequest,
  frozen: Uint8Array | null,
  answers: Answers | null = null,
): HeldRequest {
  const { principal, server, session, idText, configured, upstream, modern } = request;
  // A modern request has no session.
  const sessionId = modern ? null : (request.requestHeaders['mcp-session-id'] ?? null);
  const progressToken = progressTokenOf(request.params);
  const caller = { principal, server, session, sessionId };
  return { ...caller, idText, frozen, configured, upstream, modern, progressToken, answers };
}

/** The client's progress token, as JSON text; null when it sent none. */
export function progressTokenOf(params: JsonObject): string | null {
  const token = member(member(params, '_meta'), 'progressToken');
  return typeof token === 'string' || typeof token === 'number' ? JSON.stringify(token) : null;
}

/** The call as policy evaluates it when it comes in. */
export function callOfRequest(request: Pick<ToolCallRequest, 'params' | 'requestHeaders'> & Caller): Call {
  return callOf(request, request.params, request.requestHeaders);
}

/** Reads the call again from its frozen form, which is what will be sent. */
export function rereadCall(held: HeldRequest): Call {
  return callOfFrozen(held, frozenCallIn(frozenOf(held)));
}

/**
 * The held call as it is sent, with its headers. `keepTask`: a held call is answered with its own result, so that the
 * `params.task` of 2025-11-25 is removed, unless the server is asked for a task.
 */
export function sendableOf(
  held: HeldRequest,
  keepTask = held.modern,
): Sendable & { readonly headers: Record<string, string> } {
  const frozen = frozenCallIn(frozenOf(held));
  const sent = sendable(frozen, held, { answers: held.answers, keepTask });
  return { ...sent, headers: sentHeaders(frozen.headers, held.configured, held.sessionId) };
}

/** The frozen headers with those of the sender's session and the configured ones, which win. */
export function sentHeaders(
  frozen: HeaderRecord,
  configured: HeaderRecord,
  sessionId: string | null,
): Record<string, string> {
  const headers: Record<string, string> = { ...frozen };
  if (sessionId !== null) headers['mcp-session-id'] = sessionId;
  for (const [name, value] of Object.entries(configured)) headers[name.toLowerCase()] = value;
  headers['accept-encoding'] = 'identity';
  return headers;
}

function frozenOf({ frozen }: HeldRequest): Uint8Array {
  if (frozen === null) throw new Error('the parked call is no longer kept');
  return frozen;
}
