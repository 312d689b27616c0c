import { type JsonObject, member } from '../../domain/json/json.ts';
import { spanOf } from '../json/text.ts';
import { AS_IT_IS, type Forward } from './forward.ts';
import type { PostedRequest } from './posted.ts';
import type { ReadOne } from './strict-door.ts';

/** Everything but tool calls: what concerns a parked call or a task of ours is taken here, the rest goes to its server. */
export async function routeMessage(posted: PostedRequest): Promise<Response | Forward> {
  const { read } = posted;
  if (read.kind === 'batch') {
    for (const [index, message] of read.messages.entries()) await cancelled(posted, message, [String(index)]);
    const opens = read.messages.some((message) => member(message, 'method') === 'initialize');
    return { opens, lists: true };
  }
  const { method, idText } = read;
  if (method === null) return idText === null ? AS_IT_IS : reply(posted, read, idText);
  if (await cancelled(posted, read.message, [])) return new Response(null, { status: 202 });
  const forward = { opens: method === 'initialize', lists: method === 'tools/list' };
  return (await taskMessage(posted, read, method)) ?? forward;
}

/** The agent answers something that its server asked. */
async function reply(posted: PostedRequest, read: ReadOne, idText: string): Promise<Forward> {
  const { passage, principal, server, session } = posted;
  const about = { principal, server: server.name, session: session?.digest ?? null, idText, text: read.text };
  const forwarded = (await passage.calls.answering?.(about)) ?? null;
  if (forwarded === null) return AS_IT_IS;
  const bytes = forwarded.text === read.text ? read.bytes : new TextEncoder().encode(forwarded.text);
  return {
    ...AS_IT_IS,
    bytes,
    answered: async (answer) => (answer.kind === 'answer' && answer.status < 300 ? forwarded.taken() : undefined),
  };
}

/** Whether the message withdrew a parked call, so that the upstream, which never saw the call, need not hear of it. */
async function cancelled(posted: PostedRequest, message: JsonObject, path: readonly string[]): Promise<boolean> {
  if (member(message, 'method') !== 'notifications/cancelled') return false;
  const { text } = posted.read;
  const span = spanOf(text, [...path, 'params', 'requestId']);
  if (span === null) return false;
  const reason = member(member(message, 'params'), 'reason');
  const { passage, principal, server, session } = posted;
  return passage.calls.cancelled(
    principal,
    server.name,
    session?.digest ?? null,
    text.slice(span.start, span.end),
    typeof reason === 'string' ? reason : null,
  );
}

/** Tasks are the server's own, but for those that stand for a parked call. */
async function taskMessage(posted: PostedRequest, read: ReadOne, method: string): Promise<Response | null> {
  const { passage, principal, server, headers, crossing, claim, request } = posted;
  if (passage.calls.task === undefined) return null;
  if (!method.startsWith('tasks/') && method !== 'subscriptions/listen') return null;
  return passage.calls.task({
    principal,
    server: server.name,
    method,
    idText: read.idText,
    message: read.message,
    text: read.text,
    said: headers,
    headers: crossing,
    accept: headers.accept ?? '',
    upstream: server.upstream,
    modern: claim !== null,
    signal: request.signal,
  });
}
