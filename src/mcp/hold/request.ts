import type { Call } from '../../domain/call/call.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import type { Upstream } from '../../ports.ts';
import { standBack } from '../../time/stand-back.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { textAt } from '../json/edit.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import {
  type Answers,
  type Caller,
  callOf,
  callOfFrozen,
  frozenCallIn,
  headersThatReach,
  sendableInPieces,
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
  /** The revision that the caller's session has, if it states one; null: it states none, or has no session. */
  readonly revision: string | null;
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
  const { principal, server, session, idText, configured, upstream, modern, requestHeaders } = request;
  // A modern request has no session.
  const sessionId = modern ? null : (requestHeaders['mcp-session-id'] ?? null);
  const revision = modern ? null : (requestHeaders['mcp-protocol-version'] ?? null);
  const progressToken = progressTokenOf(request.params, request.bytes);
  const caller = { principal, server, session, sessionId, revision };
  return { ...caller, idText, frozen, configured, upstream, modern, progressToken, answers };
}

/** The client's progress token, as it is written in the message's JSON text; null when it sent none. */
export function progressTokenOf(params: JsonObject, message: Uint8Array | string): string | null {
  const token = member(member(params, '_meta'), 'progressToken');
  if (typeof token === 'string') return JSON.stringify(token);
  if (typeof token !== 'number') return null;
  const text = typeof message === 'string' ? message : UTF8.decode(message);
  return textAt(text, ['params', '_meta', 'progressToken']);
}

const UTF8 = new TextDecoder();

/** The call as policy evaluates it when it comes in. */
export function callOfRequest(request: Pick<ToolCallRequest, 'params' | 'requestHeaders' | 'upstream'> & Caller): Call {
  return callOf(request, request.params, headersThatReach(request));
}

/** Reads the call again from its frozen form, which is what will be sent. */
export function rereadCall(held: HeldRequest): Call {
  return callOfFrozen(held, frozenCallIn(frozenOf(held)));
}

/** The same; others have their turn before and after a large one is parsed. */
export function rereadInPieces(held: HeldRequest): Call | Promise<Call> {
  return (held.frozen?.length ?? 0) < LARGE_MESSAGE ? rereadCall(held) : rereadLarge(held);
}

async function rereadLarge(held: HeldRequest): Promise<Call> {
  await standBack();
  const call = rereadCall(held);
  await standBack();
  return call;
}

/**
 * The held call as it is sent, with its headers. `keepTask`: a held call is answered with its own result, so that the
 * `params.task` of 2025-11-25 is removed, unless the server is asked for a task.
 */
export async function sendableOf(
  held: HeldRequest,
  keepTask = held.modern,
): Promise<{
  readonly bytes: Uint8Array;
  /** The id by which the server answers, as JSON text. */
  readonly idText: string;
  readonly headers: Record<string, string>;
}> {
  const idText = idForServer(held.idText);
  const sender = { idText, progressToken: held.progressToken };
  const { bytes, headers } = await sendableInPieces(frozenOf(held), sender, { answers: held.answers, keepTask });
  return { bytes, idText, headers: sentHeaders(headers, held.configured, held) };
}

/**
 * The caller's id, or one of the gateway's own in place of a number that no double holds, such as 1e400: most servers
 * would answer with null, and the answer could not be told from any other message.
 */
function idForServer(idText: string): string {
  if (idText.startsWith('"') || Number.isFinite(Number(idText))) return idText;
  return JSON.stringify(crypto.randomUUID());
}

/** The frozen headers with those of the sender's session and the configured ones, which win. */
export function sentHeaders(
  frozen: HeaderRecord,
  configured: HeaderRecord,
  { sessionId, revision }: Pick<HeldRequest, 'revision' | 'sessionId'>,
): Record<string, string> {
  const headers: Record<string, string> = { ...frozen };
  if (sessionId !== null) {
    headers['mcp-session-id'] = sessionId;
    if (revision !== null) headers['mcp-protocol-version'] = revision;
  }
  for (const [name, value] of Object.entries(configured)) headers[name.toLowerCase()] = value;
  headers['accept-encoding'] = 'identity';
  return headers;
}

function frozenOf({ frozen }: HeldRequest): Uint8Array {
  if (frozen === null) throw new Error('the parked call is no longer kept');
  return frozen;
}
