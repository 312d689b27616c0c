import { type JsonObject, member } from '../../domain/json/json.ts';
import type { ExchangeAnswer } from '../../ports.ts';
import { breathe } from '../../time/breathe.ts';
import { textAt } from '../json/edit.ts';
import { afterWhitespace, elementsAt } from '../json/text.ts';
import { requestKind } from '../protocol/request-kind.ts';
import { CLAIMED_STATE, INVALID_PARAMS, INVALID_REQUEST, rpcError } from '../protocol/response.ts';
import { hearLate } from '../relay/hear-late.ts';
import { FORWARD_UNCHANGED, type Forward } from './forward.ts';
import { govern } from './govern.ts';
import type { PostedRequest } from './posted.ts';
import type { ReadBatch, ReadSingle } from './strict-door.ts';
import { noteVisit } from './visit.ts';

/**
 * Routes every message except tool calls: what policy denies is refused, what concerns a parked call or a task of ours
 * is answered here, and the rest is logged and forwarded.
 */
export async function routeMessage(posted: PostedRequest): Promise<Response | Forward> {
  const { read } = posted;
  const governed = govern(posted);
  const permitted = governed instanceof Promise ? await governed : governed;
  if (!('note' in permitted)) return permitted;
  if (read.kind === 'batch') {
    await withdrawBatched(posted, read);
    const { context, principal, server, session } = posted;
    const place = { grant: principal.grant, server: server.name, session: session?.digest ?? null };
    if (await context.calls.answersInBatch?.(place, read.messages)) {
      return rpcError(400, INVALID_REQUEST, 'An answer to what was asked during a gated call travels by itself.');
    }
    for (const message of read.messages) {
      if (await bringsClaimedState(posted, message)) return rpcError(400, INVALID_PARAMS, CLAIMED_STATE);
    }
    if (read.messages.some((message) => member(message, 'method') === undefined)) await noteAnswer(posted);
    await permitted.note();
    const mayOpenSession = read.messages.some((message) => member(message, 'method') === 'initialize');
    const methods = read.messages.map((message) => member(message, 'method'));
    return { mayOpenSession, mayList: true, ...hearingLate(posted, methods) };
  }
  const { method, idText } = read;
  if (method === null) {
    const routed = idText === null ? FORWARD_UNCHANGED : await reply(posted, read, idText);
    // What is answered here is logged as the answer to a gated call's question.
    if ('mayOpenSession' in routed) await noteAnswer(posted);
    return routed;
  }
  if (await withdrawParked(posted, cancellationIn(read.message, read.text))) return new Response(null, { status: 202 });
  if (await bringsClaimedState(posted, read.message)) {
    return rpcError(400, INVALID_PARAMS, CLAIMED_STATE, idText ?? 'null');
  }
  const noted = permitted.note();
  if (noted instanceof Promise) await noted;
  const forward = {
    mayOpenSession: method === 'initialize',
    mayList: LISTS.has(method),
    ...hearingLate(posted, [method]),
  };
  return (await answerTask(posted, read, method)) ?? forward;
}

async function bringsClaimedState(
  { context, principal, server }: PostedRequest,
  message: JsonObject,
): Promise<boolean> {
  const [method, params] = [member(message, 'method'), member(message, 'params')];
  const state = member(params, 'requestState');
  if (typeof state !== 'string' || typeof method !== 'string' || context.calls.claimsState === undefined) return false;
  const bearer = { grant: principal.grant, server: server.name, request: requestKind(method, params) };
  return context.calls.claimsState(bearer, state);
}

/** The methods whose answers are looked through for what policy hides or denies. */
const LISTS: ReadonlySet<string> = new Set([
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'prompts/list',
]);

/** What is asked of tasks may bring what a call was to bring. */
function hearingLate({ context, principal, server, session }: PostedRequest, methods: readonly unknown[]) {
  const isAsked = methods.some(
    (method) => typeof method === 'string' && (method.startsWith('tasks/') || method === 'subscriptions/listen'),
  );
  const who = { grant: principal.grant, session: session?.digest ?? null };
  const late = isAsked ? (context.calls.late?.(who, server.name) ?? null) : null;
  return late === null ? {} : { hear: (answer: ExchangeAnswer) => hearLate(answer, late, true) };
}

/** Logs that the agent answers something that its server asked. */
function noteAnswer(posted: PostedRequest): Promise<void> {
  return noteVisit(posted, posted.session?.digest ?? null, 'answer');
}

/** Forwards the agent's response to a request of its server. */
async function reply(posted: PostedRequest, read: ReadSingle, idText: string): Promise<Response | Forward> {
  const { context, principal, server, session, headers, request } = posted;
  const agentAnswer = {
    principal,
    server: server.name,
    session: session?.digest ?? null,
    idText,
    text: read.text,
    message: read.message,
    inexact: read.inexact,
    sessionId: session === null ? null : (headers['mcp-session-id'] ?? null),
    requestHeaders: headers,
    configured: server.headers,
    upstream: server.upstream,
    signal: request.signal,
  };
  const forwarded = (await context.calls.forwardAnswer?.(agentAnswer)) ?? null;
  if (forwarded === null) return FORWARD_UNCHANGED;
  if (forwarded instanceof Response) return forwarded;
  const bytes = forwarded.text === read.text ? read.bytes : new TextEncoder().encode(forwarded.text);
  return {
    ...FORWARD_UNCHANGED,
    bytes,
    onAnswer: async (answer) => (answer.kind === 'answer' && answer.status < 300 ? forwarded.delivered() : undefined),
  };
}

interface CancelledRequest {
  /** The id of the request to cancel, as JSON text. */
  readonly idText: string;
  readonly reason: string | null;
}

/**
 * The cancellations in a batch, which is read once, however many messages it has. Those of calls that are not parked
 * cost one look for all of them.
 */
async function withdrawBatched(posted: PostedRequest, { messages, text }: ReadBatch): Promise<void> {
  const cancellations = new Map<string, CancelledRequest>();
  let index = 0;
  for (const { start, end } of elementsAt(text, afterWhitespace(text, 0))) {
    const found = cancellationIn(messages[index++]!, text.slice(start, end));
    if (found !== null) cancellations.set(found.idText, found);
  }
  for (const id of await parkedOf(posted, [...cancellations.keys()])) {
    await withdrawParked(posted, cancellations.get(id) ?? null);
    await breathe();
  }
}

/** Those of the ids that are worth a closer look. */
async function parkedOf({ context, server, session }: PostedRequest, ids: string[]): Promise<readonly string[]> {
  if (ids.length === 0 || session === null || context.calls.parked === undefined) return ids;
  return context.calls.parked(server.name, session.digest, ids);
}

/** `text`: the message's own. Null: it cancels nothing. */
function cancellationIn(message: JsonObject, text: string): CancelledRequest | null {
  if (member(message, 'method') !== 'notifications/cancelled') return null;
  const idText = textAt(text, ['params', 'requestId']);
  const reason = member(member(message, 'params'), 'reason');
  return idText === null ? null : { idText, reason: typeof reason === 'string' ? reason : null };
}

/** Whether the message is not forwarded. */
async function withdrawParked(posted: PostedRequest, cancellation: CancelledRequest | null): Promise<boolean> {
  if (cancellation === null) return false;
  const { context, principal, server, session } = posted;
  const { idText, reason } = cancellation;
  return context.calls.cancelled(principal, server.name, session?.digest ?? null, idText, reason);
}

/** Answers a message about a task that stands for a parked call. Null: the task is the server's own. */
async function answerTask(posted: PostedRequest, read: ReadSingle, method: string): Promise<Response | null> {
  const { context, principal, server, headers, upstreamHeaders, claimedRevision, request } = posted;
  if (context.calls.taskMessage === undefined) return null;
  if (!method.startsWith('tasks/') && method !== 'subscriptions/listen') return null;
  return context.calls.taskMessage({
    principal,
    server: server.name,
    method,
    idText: read.idText,
    message: read.message,
    text: read.text,
    inexact: read.inexact,
    requestHeaders: headers,
    headers: upstreamHeaders,
    accept: headers.accept ?? '',
    upstream: server.upstream,
    modern: claimedRevision !== null,
    signal: request.signal,
  });
}
