import { isObject, type Json, member } from '../../domain/json/json.ts';
import type { ReadTool, ToolRead, ToolReading } from '../../ports.ts';
import { plural } from '../../text/plural.ts';
import { headersForUpstream } from '../protocol/header-policy.ts';
import { type Answered, OwnRequest } from './own-request.ts';
import type { ServerEntry } from './server.ts';

/** The revision that is offered: every server of the sessions' era knows it or answers with its own. */
const REVISION = '2025-06-18';
/** Sessions with commands that are kept for the next preview; the oldest is forgotten, and ended by being idle. */
const MOST_KEPT = 128;
/** Milliseconds that a command may take to begin: longer than any preview waits, so that the next one finds it. */
const BEGIN_MS = 30_000;

type Session = Readonly<Record<string, string>>;

/**
 * Calls tools for previews, in sessions of the gateway's own, with the server's configured headers and nothing of an agent's.
 * Over HTTP each has a session, which is ended; a command keeps one process for each grant, because to start it may take longer
 * than a preview waits. What the server asks meanwhile is not answered. A server that knows no sessions (2026-07-28 only)
 * cannot be asked.
 */
export function toolReader(servers: (name: string) => ServerEntry | undefined): ReadTool {
  const kept = new Map<string, Promise<Session | string>>();
  return async (reading) => {
    const server = servers(reading.server);
    if (server === undefined) return silent('there is no such server');
    try {
      return server.upstream.kind === 'http'
        ? await inNewSession(server, reading)
        : await inKeptSession(kept, server, reading);
    } catch (error) {
      return silent(reading.signal.aborted ? 'it took too long' : wordsOf(error));
    }
  };
}

async function inNewSession(server: ServerEntry, reading: ToolReading): Promise<ToolRead> {
  const session = await begin(server, reading.grant, reading.signal);
  if (typeof session === 'string') return silent(session);
  try {
    return (await callIn(server, session, reading)).read;
  } finally {
    if (session['mcp-session-id'] !== undefined) endSession(server, reading.grant, session);
  }
}

async function inKeptSession(
  kept: Map<string, Promise<Session | string>>,
  server: ServerEntry,
  reading: ToolReading,
): Promise<ToolRead> {
  const place = JSON.stringify([server.name, reading.grant]);
  const forget = (session: Promise<Session | string>): void => {
    if (kept.get(place) === session) kept.delete(place);
  };
  for (const isLast of [false, true]) {
    const before = kept.get(place);
    const session = before ?? begin(server, reading.grant, AbortSignal.timeout(BEGIN_MS)).catch(wordsOf);
    if (before === undefined) {
      if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value ?? '');
      kept.set(place, session);
    }
    const opened = await orAborted(session, reading.signal);
    if (typeof opened === 'string') {
      forget(session);
      return silent(opened);
    }
    const { read, sessionLost } = await callIn(server, opened, reading);
    if (read.kind === 'silent') forget(session);
    // It ended while nothing was asked of it: nothing ran, so it is begun anew, once.
    if (!sessionLost || before === undefined || isLast) return read;
  }
  return silent('its session ended');
}

/** The headers of a new session; a text: why there is none. */
async function begin(server: ServerEntry, grant: string, signal: AbortSignal): Promise<Session | string> {
  const headers = headersForUpstream(
    { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    server.headers,
  );
  const params = { protocolVersion: REVISION, capabilities: {}, clientInfo: { name: 'holdfast', version: '1' } };
  const opened = await new OwnRequest(server.upstream, grant, headers, signal).send('initialize', params);
  if (opened.kind === 'silent') return opened.why;
  const version = member(opened.result, 'protocolVersion');
  const session = {
    ...headers,
    'mcp-protocol-version': typeof version === 'string' ? version : REVISION,
    ...(opened.session === null ? {} : { 'mcp-session-id': opened.session }),
  };
  await new OwnRequest(server.upstream, grant, session, signal).notify('notifications/initialized');
  return session;
}

async function callIn(
  { upstream }: ServerEntry,
  session: Session,
  { tool, args, grant, signal, mostBytes }: ToolReading,
): Promise<{ readonly read: ToolRead; readonly sessionLost: boolean }> {
  const called = await new OwnRequest(upstream, grant, session, signal, mostBytes).send('tools/call', {
    name: tool,
    arguments: args,
  });
  if (called.kind === 'silent') return { read: silent(called.why), sessionLost: called.status === 404 };
  return { read: textOf(called), sessionLost: false };
}

/** Text content only; of everything else how much there is. */
function textOf({ result }: Extract<Answered, { kind: 'result' }>): ToolRead {
  const content = member(result, 'content');
  const parts = Array.isArray(content) ? (content as readonly Json[]) : [];
  const texts = parts.flatMap((part) => {
    const text = isObject(part) && part.type === 'text' ? part.text : undefined;
    return typeof text === 'string' ? [text] : [];
  });
  const others = parts.length - texts.length;
  const failed = member(result, 'isError') === true;
  if (texts.length === 0)
    return silent(
      others === 0 ? 'its answer has no text' : `its answer has no text, but ${others} other ${plural(others, 'part')}`,
    );
  return { kind: 'said', text: texts.join('\n'), failed };
}

function endSession({ upstream }: ServerEntry, grant: string, session: Session): void {
  const { 'content-type': _, ...headers } = session;
  const signal = AbortSignal.timeout(5_000);
  upstream
    .exchange({ method: 'DELETE', headers, body: null, grant, signal })
    .then((ended) =>
      ended.kind === 'answer' && ended.body instanceof ReadableStream ? ended.body.cancel() : undefined,
    )
    .catch(() => undefined);
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const stop = (): void => resolve('it had not begun in time; the next preview may find it ready');
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', stop));
}

function silent(why: string): ToolRead {
  return { kind: 'silent', why };
}

/** Our own words: what an error says may be the server's. */
function wordsOf(_error: unknown): string {
  return 'the connection to the server failed';
}
