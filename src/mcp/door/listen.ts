import { headersForUpstream } from '../protocol/header-policy.ts';
import { withoutHidden } from '../relay/hide-tools.ts';
import { relay } from '../relay/relay.ts';
import { tap } from '../relay/tap.ts';
import { type AgentVisit, noSession, sessionOf } from './visit.ts';

/** The server's own stream, or a replay of an earlier one. Nobody else can read it, so it ends with its reader. */
export async function get(visit: AgentVisit): Promise<Response> {
  const { headers, server, principal, request, passage } = visit;
  const session = await sessionOf(visit);
  if (session === 'foreign') return noSession();
  const lastEventId = headers['last-event-id'];
  if (lastEventId !== undefined && passage.calls.resume !== undefined) {
    const resumed = await passage.calls.resume({
      principal,
      server: server.name,
      session: session?.digest ?? null,
      lastEventId,
      headers: headersForUpstream(headers, server.headers),
      upstream: server.upstream,
    });
    if (resumed !== null) return resumed;
  }
  const answered = await server.upstream.exchange({
    method: 'GET',
    headers: headersForUpstream(headers, server.headers),
    body: null,
    grant: principal.grant,
    signal: request.signal,
    whenAbandoned: 'abort',
  });
  if (!server.hides || answered.kind !== 'answer') return relay(answered, server.name, null);
  return relay(await tap(answered, (text) => withoutHidden(text, server.hidden)), server.name, null);
}

/**
 * The end of a session. A server that will not end sessions (405) is none the wiser, but the agent is gone either way:
 * its parked calls are withdrawn.
 */
export async function remove(visit: AgentVisit): Promise<Response> {
  const { headers, server, principal, passage } = visit;
  const session = await sessionOf(visit);
  if (session === 'foreign') return noSession();
  const answered = await server.upstream.exchange({
    method: 'DELETE',
    headers: headersForUpstream(headers, server.headers),
    body: null,
    grant: principal.grant,
    whenAbandoned: 'drain',
  });
  if (session !== null && answered.kind === 'answer') {
    const { status } = answered;
    const gone = status < 300 || status === 404;
    if (gone || status === 405) await passage.calls.sessionEnded(server.name, session.digest);
    if (gone) await passage.sessions.unbind(server.name, headers['mcp-session-id'] ?? '', session.digest);
  }
  return relay(answered, server.name, null);
}
