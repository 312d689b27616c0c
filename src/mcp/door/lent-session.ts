import type { BoundSession } from '../../gateway/call/agent-sessions.ts';
import type { ExchangeAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { countOpening } from './count-opening.ts';
import type { AgentVisit } from './visit.ts';

/** A session of which the agent is told with the answer to a request that it sent without one. */
export interface LentSession extends BoundSession {
  readonly id: string;
}

/**
 * The session in which a legacy request without one is sent: see `LateSessions`. Null: none. `opens`: it is `initialize`.
 * A session counts as opened, and is bound to the grant, when it is lent for the first time.
 */
export async function lentSession(
  visit: AgentVisit,
  { opens, idText }: { readonly opens: boolean; readonly idText: string | null },
): Promise<LentSession | null> {
  const { context, server, principal, headers } = visit;
  const late = context.lateSessions;
  const opener = { grant: principal.grant, server: server.name };
  const owed = late?.owedTo(opener) ?? null;
  if (late === undefined || owed === null) return null;
  const named = headers['mcp-session-id'];
  if (named !== undefined || opens) {
    late.settle(opener, named);
    return null;
  }
  const known = await context.sessions.find(server.name, owed, principal.grant);
  if (known !== null) return { ...known, id: owed };
  if ((await countOpening({ context, server, principal, idText })) instanceof Response) return null;
  const bound = await context.sessions.bind(server.name, owed, principal.grant);
  if (bound !== null) return { ...bound, id: owed };
  late.settle(opener, owed);
  return null;
}

/** The answer with the session that the agent has to be told; null: with none. */
export function tellingSession(
  { context, server, principal }: Pick<AgentVisit, 'context' | 'principal' | 'server'>,
  lent: LentSession | null,
  answer: ExchangeAnswer,
): ExchangeAnswer {
  if (lent === null || answer.kind !== 'answer') return answer;
  if (answer.status === NOT_FOUND) {
    context.lateSessions?.settle({ grant: principal.grant, server: server.name }, lent.id);
    return answer;
  }
  if (headerOf(answer.headers, 'mcp-session-id') !== null) return answer;
  return { ...answer, headers: [...answer.headers, ['mcp-session-id', lent.id]] };
}

const NOT_FOUND = 404;
