import { member } from '../../domain/json/json.ts';
import type { UpstreamAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { rpcError } from '../protocol/response.ts';
import { discardAnswer } from '../relay/relay.ts';
import type { PostedRequest } from './posted.ts';

/**
 * Binds the session that the answer opened, if any, to the agent's grant. Returns HTTP 502 when the session already
 * belongs to another grant; else null.
 */
export async function bindOpened(posted: PostedRequest, answered: UpstreamAnswer): Promise<Response | null> {
  const { context, server, principal, read } = posted;
  const id = headerOf(answered.headers, 'mcp-session-id');
  if (id === null) return null;
  try {
    const bound = await context.sessions.bind(server.name, id, principal.grant);
    if (bound !== null) {
      await nameClient(posted, bound.digest);
      return null;
    }
  } catch (error) {
    discardAnswer(answered);
    throw error;
  }
  discardAnswer(answered);
  const idText = (read.kind === 'message' ? read.idText : null) ?? 'null';
  return rpcError(502, 502, `${server.name} handed out a session that is another grant's.`, idText);
}

/** Records the client's own name, which decides how long the client can wait. */
async function nameClient({ context, server, read }: PostedRequest, session: string): Promise<void> {
  if (read.kind !== 'message') return;
  const client = member(member(member(read.message, 'params'), 'clientInfo'), 'name');
  if (typeof client === 'string') await context.calls.clientNamed?.(server.name, session, client);
}
