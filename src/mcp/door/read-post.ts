import { readBody } from '../../bytes/read.ts';
import { member } from '../../domain/json/json.ts';
import { inTurns } from '../../time/in-turns.ts';
import { headersForUpstream } from '../protocol/header-policy.ts';
import { HEADER_MISMATCH, notForwarded, refusalWithId, rpcError } from '../protocol/response.ts';
import { claimedRevisionOf, headerDisagreement, headerDisagreementSteps } from './header-agreement.ts';
import { lentSession } from './lent-session.ts';
import { type PostedRequest, withoutSession } from './posted.ts';
import { readIncoming } from './read-incoming.ts';
import { idOfRefused } from './refused-id.ts';
import {
  type BodyReading,
  LARGE_BODY,
  type ReadBatch,
  type ReadSingle,
  readMessage,
  readMessageInPieces,
  restFrom,
} from './strict-door.ts';
import type { UnreadFull } from './unread-bodies.ts';
import { type AgentVisit, sessionNotFound, sessionOf } from './visit.ts';

/** Reads a POST through the strict door. Returns an HTTP error when the body is too long or refused. */
export async function readPost(visit: AgentVisit): Promise<PostedRequest | Response> {
  const { headers } = visit;
  const read = await readInRoom(visit);
  if (read instanceof Response) return await identifiedRefusal(visit, read);
  if (read.kind === 'refused') return rpcError(read.status, read.code, notForwarded(read.why), read.idText);
  const idText = (read.kind === 'message' ? read.idText : null) ?? 'null';
  const isShort = read.bytes.length < LARGE_BODY;
  const fault = isShort ? headerDisagreement(headers, read) : await inTurns(headerDisagreementSteps(headers, read));
  if (!isShort) await restFrom(read.bytes);
  if (fault !== null) return rpcError(400, HEADER_MISMATCH, notForwarded(fault), idText);

  const claimedRevision = read.kind === 'message' ? claimedRevisionOf(read.message) : null;
  // A modern request has no session, and a session header of it is not forwarded.
  if (claimedRevision !== null) {
    const upstreamHeaders = headersForUpstream(withoutSession(headers), visit.server.headers);
    return { ...visit, read, claimedRevision, session: null, lent: null, upstreamHeaders };
  }
  const session = headers['mcp-session-id'] === undefined ? null : await sessionOf(visit);
  if (session === 'foreign') {
    // Clients that keep the id of a dead session when they begin anew would never get out of it.
    if (!(read.kind === 'message' && read.method === 'initialize')) return sessionNotFound(idText);
    const anew = { ...visit, headers: withoutSession(headers) };
    const upstreamHeaders = headersForUpstream(anew.headers, visit.server.headers);
    return { ...anew, read, claimedRevision, session: null, lent: null, upstreamHeaders };
  }
  const lent = await lentSession(visit, { opens: opensSession(read), idText });
  const inSession = lent === null ? visit : { ...visit, headers: { ...headers, 'mcp-session-id': lent.id } };
  const upstreamHeaders = headersForUpstream(inSession.headers, visit.server.headers);
  return { ...inSession, read, claimedRevision, session: lent ?? session, lent, upstreamHeaders };
}

function opensSession(read: ReadSingle | ReadBatch): boolean {
  if (read.kind === 'message') return read.method === 'initialize';
  return read.messages.some((message) => member(message, 'method') === 'initialize');
}

/** Reads the body while its grant has room for it. Returns an HTTP error when it is too long, or when there is none. */
async function readInRoom(visit: AgentVisit): Promise<BodyReading | Response> {
  const { headers, context, principal, request } = visit;
  const announced = headers['content-length'] ?? null;
  const length = announced !== null && /^\d+$/.test(announced) ? Number(announced) : null;
  if (length !== null && length > context.maxBody) return tooLong(context.maxBody);
  const socket = visit.outgoing?.req.socket;
  const arrived = (): number => socket?.bytesRead ?? 0;
  const room = context.unread.begin(principal.grant, length, () => request.signal, arrived);
  const endRead = room instanceof Promise ? await room : room;
  if (typeof endRead !== 'function') return noRoom(visit, endRead);
  try {
    const incoming = visit.outgoing?.req;
    const isFromSocket = incoming !== undefined && length !== null && !incoming.readableDidRead;
    const bytes = isFromSocket
      ? await readIncoming(incoming, length)
      : await readBody(request, announced, context.maxBody);
    if (bytes === null) return tooLong(context.maxBody);
    const bodyHeaders = {
      contentType: headers['content-type'] ?? null,
      contentEncoding: headers['content-encoding'] ?? null,
    };
    // Short ones, which nearly all are, are read at once.
    return bytes.length < LARGE_BODY ? readMessage(bytes, bodyHeaders) : await readMessageInPieces(bytes, bodyHeaders);
  } finally {
    endRead();
  }
}

/** With the id of a short body that was not read. */
async function identifiedRefusal({ request, headers }: AgentVisit, refused: Response): Promise<Response> {
  const idText = await idOfRefused(request, headers);
  return idText === null ? refused : refusalWithId(refused, idText);
}

function tooLong(most: number): Response {
  return rpcError(413, 413, `The body is longer than ${most} bytes (HOLDFAST_MAX_BODY).`);
}

function noRoom({ context, server, principal }: AgentVisit, { most, retryAfter }: UnreadFull): Response {
  context.access?.refused({ door: 'mcp', status: 429, server: server.name, grant: principal.grant, address: null });
  const why =
    `Rate limited: this grant has as many request bodies on their way to the gateway as it may, ${most} bytes at once. ` +
    `Nothing was sent to the server. Finish or end those requests, or try again in ${retryAfter} seconds.`;
  return rpcError(429, 429, why, 'null', { 'retry-after': String(retryAfter) });
}
