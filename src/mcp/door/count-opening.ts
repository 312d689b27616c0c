import type { ExchangeAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { rpcError } from '../protocol/response.ts';
import type { AgentVisit } from './visit.ts';

/** What may open a session. `idText`: its id as JSON text; null: it has none. */
interface OpeningRequest extends Pick<AgentVisit, 'context' | 'principal' | 'server'> {
  readonly idText: string | null;
}

/**
 * Counts that this request may open a session, before its server sees it: a limit per session must not be passed by
 * opening sessions. Returns HTTP 429 when the grant has opened as many as it may; else a function to be called with the
 * server's answer, which takes the count back where no session was opened.
 */
export async function countOpening({
  context,
  server,
  principal,
  idText,
}: OpeningRequest): Promise<Response | ((answer: ExchangeAnswer) => Promise<void>)> {
  const id = `se_${crypto.randomUUID()}`;
  const full = await context.sessions.countOpening(id, principal.grant, context.sessionOpenings());
  if (full === null) {
    return async (answer) => {
      const opened = answer.kind === 'answer' && headerOf(answer.headers, 'mcp-session-id') !== null;
      if (!opened) await context.sessions.uncountOpening(id);
    };
  }
  const { take, retryAfter } = full;
  context.access?.refused({ door: 'mcp', status: 429, server: server.name, grant: principal.grant, address: null });
  const window = 'calendar' in take.window ? take.window.calendar : '';
  const why =
    `Rate limited: this grant may open ${take.max} sessions per ${window} (sessions.openings), and it has. ` +
    `Nothing was sent to the server. Go on in a session that is open, or try again in ${retryAfter} seconds.`;
  return rpcError(429, 429, why, idText ?? 'null', { 'retry-after': String(retryAfter) });
}
