import { readBody } from '../../bytes/read.ts';
import { headersForUpstream } from '../protocol/header-policy.ts';
import { HEADER_MISMATCH, notForwarded, rpcError } from '../protocol/response.ts';
import { claimedRevisionOf, headerDisagreement } from './header-agreement.ts';
import { type PostedRequest, withoutSession } from './posted.ts';
import { readMessageInPieces } from './strict-door.ts';
import { type AgentVisit, sessionNotFound, sessionOf } from './visit.ts';

/** Reads a POST through the strict door. Returns an HTTP error when the body is too long or refused. */
export async function readPost(visit: AgentVisit): Promise<PostedRequest | Response> {
  const { headers, context, request } = visit;
  const bytes = await readBody(request, headers['content-length'] ?? null, context.maxBody);
  if (bytes === null) {
    return rpcError(413, 413, `The body is longer than ${context.maxBody} bytes (HOLDFAST_MAX_BODY).`);
  }
  const read = await readMessageInPieces(bytes, {
    contentType: headers['content-type'] ?? null,
    contentEncoding: headers['content-encoding'] ?? null,
  });
  if (read.kind === 'refused') return rpcError(read.status, read.code, notForwarded(read.why));
  const idText = (read.kind === 'message' ? read.idText : null) ?? 'null';
  const fault = headerDisagreement(headers, read);
  if (fault !== null) return rpcError(400, HEADER_MISMATCH, notForwarded(fault), idText);

  const claimedRevision = read.kind === 'message' ? claimedRevisionOf(read.message) : null;
  const upstreamHeaders = headersForUpstream(
    claimedRevision === null ? headers : withoutSession(headers),
    visit.server.headers,
  );
  // A modern request has no session, and a session header of it is not forwarded.
  const session = claimedRevision === null && headers['mcp-session-id'] !== undefined ? await sessionOf(visit) : null;
  if (session === 'foreign') return sessionNotFound(idText);
  return { ...visit, read, claimedRevision, session, upstreamHeaders };
}
