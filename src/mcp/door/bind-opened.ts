import { member } from '../../domain/json/json.ts';
import type { UpstreamAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { rpcError } from '../protocol/response.ts';
import { abandon } from '../relay/relay.ts';
import type { PostedRequest } from './posted.ts';

/** Binds the session that an answer opened, if any, to its grant. The refusal where it is another grant's; else null. */
export async function bindOpened(posted: PostedRequest, answered: UpstreamAnswer): Promise<Response | null> {
  const { passage, server, principal, read } = posted;
  const id = headerOf(answered.headers, 'mcp-session-id');
  if (id === null) return null;
  try {
    const bound = await passage.sessions.bind(server.name, id, principal.grant);
    if (bound !== null) {
      await nameClient(posted, bound.digest);
      return null;
    }
  } catch (error) {
    abandon(answered);
    throw error;
  }
  abandon(answered);
  const idText = (read.kind === 'message' ? read.idText : null) ?? 'null';
  return rpcError(502, 502, `${server.name} handed out a session that is another grant's.`, idText);
}

/** How long a client can wait is known by the name it gave itself. */
async function nameClient({ passage, server, read }: PostedRequest, session: string): Promise<void> {
  if (read.kind !== 'message') return;
  const client = member(member(member(read.message, 'params'), 'clientInfo'), 'name');
  if (typeof client === 'string') await passage.calls.named?.(server.name, session, client);
}
