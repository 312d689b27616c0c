import { type JsonObject, member } from '../../domain/json/json.ts';
import { spanOf } from '../json/text.ts';
import { FORWARD_UNCHANGED, type Forward } from './forward.ts';
import { govern } from './govern.ts';
import type { PostedRequest } from './posted.ts';
import type { ReadSingle } from './strict-door.ts';
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
    for (const [index, message] of read.messages.entries()) await withdrawParked(posted, message, [String(index)]);
    if (read.messages.some((message) => member(message, 'method') === undefined)) await noteAnswer(posted);
    await permitted.note();
    const mayOpenSession = read.messages.some((message) => member(message, 'method') === 'initialize');
    return { mayOpenSession, mayList: true };
  }
  const { method, idText } = read;
  if (method === null) {
    await noteAnswer(posted);
    return idText === null ? FORWARD_UNCHANGED : reply(posted, read, idText);
  }
  if (await withdrawParked(posted, read.message, [])) return new Response(null, { status: 202 });
  const noted = permitted.note();
  if (noted instanceof Promise) await noted;
  const forward = { mayOpenSession: method === 'initialize', mayList: LISTS.has(method) };
  return (await answerTask(posted, read, method)) ?? forward;
}

/** The methods whose answers are looked through for what policy hides or denies. */
const LISTS: ReadonlySet<string> = new Set([
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'prompts/list',
]);

/** Logs that the agent answers something that its server asked. */
function noteAnswer(posted: PostedRequest): Promise<void> {
  return noteVisit(posted, posted.session?.digest ?? null, 'answer');
}

/** Forwards the agent's response to a request of its server. */
async function reply(posted: PostedRequest, read: ReadSingle, idText: string): Promise<Forward> {
  const { context, principal, server, session } = posted;
  const agentAnswer = { principal, server: server.name, session: session?.digest ?? null, idText, text: read.text };
  const forwarded = (await context.calls.forwardAnswer?.(agentAnswer)) ?? null;
  if (forwarded === null) return FORWARD_UNCHANGED;
  const bytes = forwarded.text === read.text ? read.bytes : new TextEncoder().encode(forwarded.text);
  return {
    ...FORWARD_UNCHANGED,
    bytes,
    onAnswer: async (answer) => (answer.kind === 'answer' && answer.status < 300 ? forwarded.delivered() : undefined),
  };
}

/** Whether the message withdrew a parked call. It is not forwarded then: the upstream has never seen the call. */
async function withdrawParked(posted: PostedRequest, message: JsonObject, path: readonly string[]): Promise<boolean> {
  if (member(message, 'method') !== 'notifications/cancelled') return false;
  const { text } = posted.read;
  const span = spanOf(text, [...path, 'params', 'requestId']);
  if (span === null) return false;
  const reason = member(member(message, 'params'), 'reason');
  const { context, principal, server, session } = posted;
  return context.calls.cancelled(
    principal,
    server.name,
    session?.digest ?? null,
    text.slice(span.start, span.end),
    typeof reason === 'string' ? reason : null,
  );
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
    requestHeaders: headers,
    headers: upstreamHeaders,
    accept: headers.accept ?? '',
    upstream: server.upstream,
    modern: claimedRevision !== null,
    signal: request.signal,
  });
}
