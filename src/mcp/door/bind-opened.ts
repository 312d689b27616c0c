import { member } from '../../domain/json/json.ts';
import type { UpstreamAnswer } from '../../ports.ts';
import { answersForms } from '../protocol/client-forms.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { rpcError } from '../protocol/response.ts';
import { discardAnswer } from '../relay/relay.ts';
import { countOpening } from './count-opening.ts';
import type { PostedRequest } from './posted.ts';

/**
 * The answer, once the session that it hands out, if any, is bound to the agent's grant; HTTP 502 when the session
 * already belongs to another grant. `counted`: that it may open one was counted before it was sent. One that is handed
 * out with a later answer is counted now; where the grant has opened as many as it may, the agent does not learn of it.
 */
export async function bindOpened(
  posted: PostedRequest,
  answered: UpstreamAnswer,
  counted: boolean,
): Promise<UpstreamAnswer | Response> {
  const { context, server, principal, read } = posted;
  const id = headerOf(answered.headers, 'mcp-session-id');
  if (id === null) return answered;
  try {
    const known = counted ? null : await context.sessions.find(server.name, id, principal.grant);
    if (known !== null) return answered;
    const idText = read.kind === 'message' ? read.idText : null;
    if (!counted && (await countOpening({ context, server, principal, idText })) instanceof Response)
      return withoutId(answered);
    const bound = await context.sessions.bind(server.name, id, principal.grant);
    if (bound !== null) {
      await nameClient(posted, bound.digest);
      return answered;
    }
  } catch (error) {
    discardAnswer(answered);
    throw error;
  }
  discardAnswer(answered);
  const idText = (read.kind === 'message' ? read.idText : null) ?? 'null';
  return rpcError(502, 502, `${server.name} handed out a session that is another grant's.`, idText);
}

function withoutId(answered: UpstreamAnswer): UpstreamAnswer {
  return { ...answered, headers: answered.headers.filter(([name]) => name !== 'mcp-session-id') };
}

/** Records the client's own name, which decides how long the client can wait, and whether it answers forms. */
async function nameClient({ context, server, read }: PostedRequest, session: string): Promise<void> {
  if (read.kind !== 'message') return;
  const params = member(read.message, 'params');
  const client = member(member(params, 'clientInfo'), 'name');
  const forms = answersForms(member(params, 'capabilities'));
  if (typeof client !== 'string' && !forms) return;
  await context.calls.clientNamed?.(server.name, session, typeof client === 'string' ? client : null, forms);
}
