import { readBody } from '../../bytes/read.ts';
import { headersForUpstream } from '../protocol/header-policy.ts';
import { HEADER_MISMATCH, rpcError } from '../protocol/response.ts';
import { claimedVersion, disagreement } from './header-agreement.ts';
import { type PostedRequest, withoutSession } from './posted.ts';
import { readMessage } from './strict-door.ts';
import { type AgentVisit, noSession, sessionOf } from './visit.ts';

/** Reads a POST once, through the strict door; what is refused is answered here. */
export async function readPost(visit: AgentVisit): Promise<PostedRequest | Response> {
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
  return { ...visit, read, claim, session, crossing };
}
