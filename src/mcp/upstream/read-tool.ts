import { isObject, type Json, member } from '../../domain/json/json.ts';
import type { ReadTool, ToolRead, ToolReading } from '../../ports.ts';
import { plural } from '../../text/plural.ts';
import { headersForUpstream } from '../protocol/header-policy.ts';
import { type Answered, OwnRequest } from './own-request.ts';
import type { ServerEntry } from './server.ts';

/** The revision that is offered: every server of the sessions' era knows it or answers with its own. */
const REVISION = '2025-06-18';
/** Sessions with commands that are kept for the next preview; the oldest is forgotten, and ended. */
const MOST_KEPT = 128;
/** Previews in a row that a command may leave without an answer before another one is begun. */
const MOST_LATE = 3;
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
  const kept = new Map<string, KeptSession>();
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

/** A session that several previews may use. It is ended when it is forgotten and nobody uses it. */
class KeptSession {
  readonly opened: Promise<Session | string>;
  readonly #end: (session: Session) => void;
  #users = 0;
  #late = 0;
  #forgotten = false;

  constructor(opened: Promise<Session | string>, end: (session: Session) => void) {
    this.opened = opened;
    this.#end = end;
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#users += 1;
    try {
      return await work();
    } finally {
      this.#users -= 1;
      this.#endUnused();
    }
  }

  /** Whether it has answered, or not in time. False: too often not. */
  note(inTime: boolean): boolean {
    this.#late = inTime ? 0 : this.#late + 1;
    return this.#late < MOST_LATE;
  }

  forget(): void {
    this.#forgotten = true;
    this.#endUnused();
  }

  #endUnused(): void {
    if (!this.#forgotten || this.#users > 0) return;
    this.opened.then(
      (session) => (typeof session === 'string' ? undefined : this.#end(session)),
      () => undefined,
    );
  }
}

async function inKeptSession(
  kept: Map<string, KeptSession>,
  server: ServerEntry,
  reading: ToolReading,
): Promise<ToolRead> {
  const place = JSON.stringify([server.name, reading.grant]);
  const forget = (at: string, session: KeptSession): void => {
    if (kept.get(at) === session) kept.delete(at);
    session.forget();
  };
  const begun = (): KeptSession => {
    const opened = begin(server, reading.grant, AbortSignal.timeout(BEGIN_MS)).catch(wordsOf);
    const session = new KeptSession(opened, (one) => endSession(server, reading.grant, one));
    const [oldest] = kept;
    if (kept.size >= MOST_KEPT && oldest !== undefined) forget(...oldest);
    kept.set(place, session);
    return session;
  };
  for (const isLast of [false, true]) {
    const before = kept.get(place);
    const session = before ?? begun();
    const read = await session.use(async () => {
      const opened = await orAborted(session.opened, reading.signal);
      if (opened === null) return { read: silent(LATER), sessionLost: false };
      if (typeof opened === 'string') {
        forget(place, session);
        return { read: silent(opened), sessionLost: false };
      }
      // An error, or an answer without text, is an answer: another process would not give a better one.
      try {
        const called = await callIn(server, opened, reading);
        if (called.broken && !reading.signal.aborted) forget(place, session);
        else if (!session.note(!called.broken)) forget(place, session);
        return called;
      } catch (error) {
        if (!reading.signal.aborted || !session.note(false)) forget(place, session);
        throw error;
      }
    });
    // It ended while nothing was asked of it: nothing ran, so it is begun anew, once.
    if (!read.sessionLost || before === undefined || isLast) return read.read;
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
): Promise<{ readonly read: ToolRead; readonly sessionLost: boolean; readonly broken: boolean }> {
  const called = await new OwnRequest(upstream, grant, session, signal, mostBytes).send('tools/call', {
    name: tool,
    arguments: args,
  });
  if (called.kind === 'silent')
    return { read: silent(called.why), sessionLost: called.status === 404, broken: called.status !== 200 };
  return { read: textOf(called), sessionLost: false, broken: false };
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

const LATER = 'it had not begun in time; the next preview may find it ready';

/** null: the signal aborted first. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const stop = (): void => resolve(null);
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
