import { readBody } from '../../bytes/read.ts';
import { type JsonObject, member } from '../../domain/json.ts';
import type { ExchangeAnswer } from '../../ports.ts';
import { spanOf } from '../json/text.ts';
import { headerOf, headersForUpstream } from '../protocol/header-policy.ts';
import { HEADER_MISMATCH, rpcError } from '../protocol/response.ts';
import { withoutHidden } from '../relay/hide-tools.ts';
import { nodeResponseOf } from '../relay/node-response.ts';
import { listPage, observeAnswer } from '../relay/observe-answer.ts';
import { abandon, relay } from '../relay/relay.ts';
import { type MessageEdit, tap } from '../relay/tap.ts';
import { claimedVersion, disagreement } from './header-agreement.ts';
import { OLDEST, type PostedRequest, PostedToolCall, withoutSession } from './posted.ts';
import { type ReadBatch, type ReadOne, readMessage } from './strict-door.ts';
import { type AgentVisit, noSession, sessionOf } from './visit.ts';

export async function post(visit: AgentVisit): Promise<Response> {
  const { headers, passage, request } = visit;
  const bytes = await readBody(request, headers['content-length'] ?? null, passage.maxBody);
  if (bytes === null) {
    return rpcError(413, 413, `The body is longer than ${passage.maxBody} bytes (HOLDFAST_MAX_BODY).`);
  }
  const read = readMessage(bytes, {
    contentType: headers['content-type'] ?? null,
    contentEncoding: headers['content-encoding'] ?? null,
  });
  if (read.kind === 'refused') return rpcError(read.status, read.code, `Not forwarded: ${read.why}.`);
  const idText = (read.kind === 'message' ? read.idText : null) ?? 'null';
  const against = disagreement(headers, read);
  if (against !== null) return rpcError(400, HEADER_MISMATCH, `Not forwarded: ${against}.`, idText);

  const claim = read.kind === 'message' ? claimedVersion(read.message) : null;
  const crossing = headersForUpstream(claim === null ? headers : withoutSession(headers), visit.server.headers);
  // A modern request has no session; what it says of one is not even passed on.
  const session = claim === null && headers['mcp-session-id'] !== undefined ? await sessionOf(visit) : null;
  if (session === 'foreign') return noSession(idText);
  const posted = { ...visit, read, claim, session, crossing };
  // Awaited here: a promise that is returned as it is costs two turns more.
  const response = await (isCall(read) ? call(posted, read) : route(posted));
  return response;
}

function isCall(read: ReadOne | ReadBatch): read is ReadOne {
  return read.kind === 'message' && read.method === 'tools/call';
}

async function route(posted: PostedRequest): Promise<Response> {
  const { read } = posted;
  if (read.kind === 'batch') {
    for (const [index, message] of read.messages.entries()) await cancelled(posted, message, [String(index)]);
    const opens = read.messages.some((message) => member(message, 'method') === 'initialize');
    return answer(posted, await send(posted), { opens, lists: true });
  }
  if (read.method === null && read.idText !== null) return response(posted, read, read.idText);
  if (await cancelled(posted, read.message, [])) return new Response(null, { status: 202 });
  const aboutTask = await task(posted, read);
  if (aboutTask !== null) return aboutTask;
  const { method } = read;
  return answer(posted, await send(posted), { opens: method === 'initialize', lists: method === 'tools/list' });
}

/** The agent answers something that its server asked. */
async function response(posted: PostedRequest, read: ReadOne, idText: string): Promise<Response> {
  const { passage, principal, server, session } = posted;
  const about = { principal, server: server.name, session: session?.digest ?? null, idText, text: read.text };
  const answering = (await passage.calls.answering?.(about)) ?? null;
  const bytes = answering === null || answering.text === read.text ? read.bytes : encode(answering.text);
  const answered = await send({ ...posted, read: { ...read, bytes } });
  if (answering !== null && answered.kind === 'answer' && answered.status < 300) await answering.taken();
  return answer(posted, answered, { opens: false, lists: false });
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
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
async function task(posted: PostedRequest, read: ReadOne): Promise<Response | null> {
  const { passage, principal, server, headers, crossing, claim, request } = posted;
  const { method } = read;
  if (method === null || passage.calls.task === undefined) return null;
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

async function call(posted: PostedRequest, read: ReadOne): Promise<Response> {
  const routing = await posted.passage.calls.call(new PostedToolCall(posted, read));
  if (routing.kind === 'respond') return routing.response;
  const answered = await send(posted);
  if (answered.kind === 'not_sent') await routing.notSent?.();
  return answer(posted, answered, { opens: false, lists: false });
}

function send({ server, principal, crossing, claim, read, request }: PostedRequest): Promise<ExchangeAnswer> {
  // In the legacy era a closed connection is no wish; a modern client that closes its stream has cancelled.
  const leaving = claim === null ? ({ whenAbandoned: 'drain' } as const) : { signal: request.signal };
  const exchange = { method: 'POST', headers: crossing, body: read.bytes, grant: principal.grant } as const;
  return server.upstream.exchange({ ...exchange, ...leaving });
}

/** At once where nothing is to be waited for: the answer of a plain call. */
function answer(
  posted: PostedRequest,
  answered: ExchangeAnswer,
  what: { opens: boolean; lists: boolean },
): Response | Promise<Response> {
  const { server, read } = posted;
  const idText = read.kind === 'message' ? read.idText : null;
  if (answered.kind !== 'answer') return relay(answered, server.name, idText);
  const edit = editFor(posted, what.lists);
  if (what.opens || edit !== null) return edited(posted, answered, what.opens, edit);
  return relay(heardBy(posted, answered), server.name, idText, nodeResponseOf(posted.outgoing, posted.passage.sent));
}

async function edited(
  posted: PostedRequest,
  answered: Answered,
  opens: boolean,
  edit: MessageEdit | null,
): Promise<Response> {
  const { server, read } = posted;
  const idText = read.kind === 'message' ? read.idText : null;
  // Before the answer leaves: with it the agent could already come back, perhaps to another replica.
  if (opens && !(await bind(posted, answered))) {
    abandon(answered);
    return rpcError(502, 502, `${server.name} handed out a session that is another grant's.`, idText ?? 'null');
  }
  const heard = heardBy(posted, answered);
  return relay(edit === null ? heard : await tap(heard, edit), server.name, idText);
}

type Answered = Extract<ExchangeAnswer, { kind: 'answer' }>;

/** The answer to `tools/list`, listened to as the server gave it. */
function heardBy({ server, read }: PostedRequest, answered: Answered): Answered {
  const { listed } = server;
  if (listed === undefined || read.kind !== 'message' || read.method !== 'tools/list') return answered;
  return observeAnswer(answered, (message) => {
    const page = listPage(read.message, message);
    if (page !== null) listed(page);
  });
}

/** What is to be changed in the answer: hidden tools are cut out, the gateway's own offers are added. */
function editFor({ passage, server, read, headers, claim }: PostedRequest, lists: boolean): MessageEdit | null {
  const hide = lists && server.hides ? (text: string) => withoutHidden(text, server.hidden) : null;
  const version = claim ?? headers['mcp-protocol-version'] ?? OLDEST;
  const method = read.kind === 'message' ? read.method : null;
  const add = method === null ? null : (passage.calls.advertise?.(server.name, method, version) ?? null);
  if (hide === null || add === null) return hide ?? add;
  return (text) => {
    const cut = hide(text);
    return add(cut ?? text) ?? cut;
  };
}

async function bind(posted: PostedRequest, answered: Answered): Promise<boolean> {
  const { passage, server, principal } = posted;
  const id = headerOf(answered.headers, 'mcp-session-id');
  if (id === null) return true;
  try {
    const bound = await passage.sessions.bind(server.name, id, principal.grant);
    if (bound !== null) await named(posted, bound.digest);
    return bound !== null;
  } catch (error) {
    abandon(answered);
    throw error;
  }
}

/** How long a client can wait is known by the name it gave itself. */
async function named({ passage, server, read }: PostedRequest, session: string): Promise<void> {
  if (read.kind !== 'message') return;
  const client = member(member(member(read.message, 'params'), 'clientInfo'), 'name');
  if (typeof client === 'string') await passage.calls.named?.(server.name, session, client);
}
