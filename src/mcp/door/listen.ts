import type { ExchangeAnswer } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { headersForUpstream } from '../protocol/header-policy.ts';
import { hearLate } from '../relay/hear-late.ts';
import { hidingEdit } from '../relay/hide-tools.ts';
import { nodeResponseOf } from '../relay/node-response.ts';
import { discardAnswer, relay } from '../relay/relay.ts';
import { tap } from '../relay/tap.ts';
import { watched } from '../relay/watch.ts';
import { readableAnswer } from '../upstream/readable.ts';
import { lentSession, tellingSession } from './lent-session.ts';
import type { ListenerTurn } from './newest-listener.ts';
import { type AgentVisit, noteVisit, sessionNotFound, sessionOf } from './visit.ts';

/**
 * GET: resumes a held answer, or relays the server's own stream. The server's stream is cancelled when the agent
 * disconnects, because nobody else can read it.
 */
export async function handleGet(bare: AgentVisit): Promise<Response> {
  const lent = await lentSession(bare, { opens: false, idText: null });
  const visit = lent === null ? bare : { ...bare, headers: { ...bare.headers, 'mcp-session-id': lent.id } };
  const { headers, server, principal, context, ending } = visit;
  const session = await sessionOf(visit);
  if (session === 'foreign') return sessionNotFound();
  const lastEventId = headers['last-event-id'];
  await noteVisit(visit, session?.digest ?? null, lastEventId === undefined ? 'GET' : 'GET, resumed');
  if (lastEventId !== undefined && context.calls.resume !== undefined) {
    const resumed = await context.calls.resume({
      principal,
      server: server.name,
      session: session?.digest ?? null,
      lastEventId,
      sessionId: headers['mcp-session-id'] ?? null,
      protocolVersion: headers['mcp-protocol-version'] ?? null,
      configured: server.headers,
      upstream: server.upstream,
    });
    if (resumed !== null) return resumed;
  }
  // A session over stdio sees to it itself.
  const turn =
    session === null || server.upstream.kind !== 'http'
      ? null
      : context.listeners.take(`${server.name}\n${session.digest}`, ending);
  const who = { grant: principal.grant, session: session?.digest ?? null };
  const late = context.calls.late?.(who, server.name) ?? null;
  const found = tellingSession(visit, lent, await openStream(visit, turn));
  const opened = late === null ? found : await hearLate(found, late, lastEventId !== undefined);
  const sessionId = session === null ? null : (headers['mcp-session-id'] ?? null);
  const { name, headers: configured, upstream } = server;
  const place = { principal, server: name, session: session?.digest ?? null, sessionId };
  const watch = context.calls.watchStream?.({ ...place, requestHeaders: headers, configured, upstream }) ?? null;
  const stream = nodeResponseOf(visit.outgoing, context.alreadySent);
  const to = { stream, events: { told: null, beats: context.beats } };
  if (opened.kind !== 'answer' || (watch === null && !server.inspectsLists))
    return relay(opened, server.name, null, to);
  const readable = readableAnswer(opened);
  if (readable.kind === 'unreadable') {
    discardAnswer(opened);
    return relay(readable, server.name, null);
  }
  const answered = watch === null ? readable : watched(readable, watch);
  if (!server.inspectsLists) return relay(answered, server.name, null, to);
  // No request waits for an event here, so one that cannot be read is left out.
  const edited = await tap(answered, hidingEdit(server.isHidden, server.isDenied), { instead: null });
  return relay(edited, server.name, null, to);
}

/** Milliseconds between two attempts to listen where the older GET was just ended: its server may not know it yet. */
const AGAIN_MS = 100;
const MOST_ATTEMPTS = 20;
/** The server has a listener for this session. */
const CONFLICT = 409;

async function openStream(
  { server, headers, principal, request, ending }: AgentVisit,
  turn: ListenerTurn | null,
): Promise<ExchangeAnswer> {
  for (let attempts = 1; ; attempts += 1) {
    const opened = await server.upstream.exchange({
      method: 'GET',
      headers: headersForUpstream(headers, server.headers),
      body: null,
      grant: principal.grant,
      signal: request.signal,
      whenAbandoned: 'abort',
      until: turn?.until ?? ending,
    });
    const isTaken = opened.kind === 'answer' && opened.status === CONFLICT && turn?.tookOver === true;
    if (!isTaken || attempts === MOST_ATTEMPTS || request.signal.aborted) return opened;
    discardAnswer(opened);
    await pause(AGAIN_MS);
  }
}

/**
 * DELETE: ends a session and withdraws its parked calls. They are also withdrawn when the server does not end sessions
 * (405), because the agent leaves in any case.
 */
export async function handleDelete(visit: AgentVisit): Promise<Response> {
  const { headers, server, principal, context } = visit;
  const session = await sessionOf(visit);
  if (session === 'foreign') return sessionNotFound();
  await noteVisit(visit, session?.digest ?? null, 'DELETE');
  const answered = await server.upstream.exchange({
    method: 'DELETE',
    headers: headersForUpstream(headers, server.headers),
    body: null,
    grant: principal.grant,
    whenAbandoned: 'drain',
  });
  if (session !== null && answered.kind === 'answer') {
    const { status } = answered;
    const ended = status < 300 || status === 404;
    if (ended || status === 405) await context.calls.sessionEnded(server.name, session.digest);
    if (ended) await context.sessions.unbind(server.name, headers['mcp-session-id'] ?? '', session.digest);
  }
  return relay(answered, server.name, null);
}
