import type { Clock, Exchange, ExchangeAnswer, Log, Upstream } from '../../ports.ts';
import { type PostedMessages, readPosted } from './message.ts';
import type { AnswerForm } from './post.ts';
import { refused, type StdioRefusal } from './refusal.ts';
import type { StdioSession } from './session.ts';
import { StdioSessions } from './sessions.ts';

export interface StdioOptions {
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly string[];
  /** What the config gives the child. */
  readonly env?: Readonly<Record<string, string>>;
  /** The gateway's own environment, of which the child inherits only `INHERITED`; main/ hands in `process.env`. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Children that one grant may have of this server, on this replica. Default 16. */
  readonly maxChildrenPerGrant?: number;
  /** Milliseconds without traffic after which a session is ended. Default 30 minutes. */
  readonly idleMs?: number;
  /** Milliseconds after which an answer that has not come is begun as an event stream. Default 250. */
  readonly headersAfterMs?: number;
}

/** What a program needs to find itself, its files and its language. Anything else, secrets above all, the config must name. */
export const INHERITED = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR', 'TMP', 'TEMP'],
  ...['APPDATA', 'LOCALAPPDATA', 'HOMEDRIVE', 'HOMEPATH', 'USERPROFILE', 'USERNAME', 'PROGRAMFILES'],
  ...['SYSTEMDRIVE', 'SYSTEMROOT', 'PROCESSOR_ARCHITECTURE', 'PATHEXT', 'COMSPEC'],
] as const;

/** The legacy era; 2024-11-05 is what clients of that time still say over HTTP. */
const REVISIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];

/**
 * An MCP server that speaks stdio, reached as if it spoke streamable HTTP (revisions 2025-03-26 to 2025-11-25): one
 * child a session, begun by `initialize` and owned by the grant that sent it. Lines are relayed with their own bytes.
 * A modern request, which has no session, is answered as a legacy-only server would, so that clients fall back.
 * `Last-Event-ID` is ignored: nothing is replayed.
 */
export function stdioUpstream(options: StdioOptions): Upstream {
  const { maxChildrenPerGrant = 16, idleMs = 30 * 60_000, headersAfterMs = 250 } = options;
  const { clock, log, command, cwd } = options;
  const env = { ...inherit(options.inherited), ...options.env };
  const program = { command, env, ...(cwd === undefined ? {} : { cwd }) };
  const sessions = new StdioSessions({ program, clock, log, maxChildrenPerGrant, idleMs, headersAfterMs });
  return {
    kind: 'stdio',
    exchange: (exchange) =>
      answerTo(sessions, exchange, { why: 'too_many_children', most: maxChildrenPerGrant, idleMs }),
    close: () => sessions.close(),
  };
}

function inherit(environment: StdioOptions['inherited']): Record<string, string> {
  const kept = INHERITED.map((name) => [name, environment[name]] as const);
  return Object.fromEntries(
    kept.filter((pair): pair is readonly [(typeof INHERITED)[number], string] => pair[1] !== undefined),
  );
}

async function answerTo(sessions: StdioSessions, exchange: Exchange, crowded: StdioRefusal): Promise<ExchangeAnswer> {
  switch (exchange.method) {
    case 'POST':
      return answerPost(sessions, exchange, crowded);
    case 'GET': {
      const session = sessionOf(sessions, exchange);
      if ('why' in session) return refused(session);
      return accepts(exchange, 'text/event-stream')
        ? session.listen(exchange.signal)
        : refused({ why: 'no_events_accepted' });
    }
    case 'DELETE': {
      const session = sessionOf(sessions, exchange);
      if ('why' in session) return refused(session);
      // Not waited for: a child that ignores the end of its input takes up to five seconds.
      void sessions.end(session);
      return { kind: 'answer', status: 204, headers: [], body: null };
    }
    default:
      return exchange.method satisfies never;
  }
}

async function answerPost(sessions: StdioSessions, exchange: Exchange, crowded: StdioRefusal): Promise<ExchangeAnswer> {
  const reading = readPosted(exchange.body ?? new Uint8Array());
  if (reading.kind === 'refused') return refused({ why: reading.why });
  const { posted } = reading;
  const reader = { events: accepts(exchange, 'text/event-stream'), batch: posted.batch, headers: [] };
  const begins = posted.parts.some(({ message }) => message.kind === 'request' && message.method === 'initialize');
  if (begins && posted.batch) return refused({ why: 'not_a_message' });
  if (begins && exchange.headers['mcp-session-id'] === undefined)
    return begin(sessions, exchange, posted, reader, crowded);

  const session = sessionOf(sessions, exchange);
  if ('why' in session) return refused(session);
  return begins ? refused({ why: 'already_initialized' }) : session.post(posted, reader, exchange.signal);
}

async function begin(
  sessions: StdioSessions,
  exchange: Exchange,
  posted: PostedMessages,
  reader: AnswerForm,
  crowded: StdioRefusal,
): Promise<ExchangeAnswer> {
  const opening = await sessions.open(exchange.grant);
  switch (opening.kind) {
    case 'opened': {
      const { session } = opening;
      const headers = [['mcp-session-id', session.id]] as const;
      const answer = await session.post(posted, { ...reader, headers }, exchange.signal);
      // Nobody was told the session's id, so nobody could use it.
      if (answer.kind !== 'answer') void sessions.end(session);
      return answer;
    }
    case 'too_many':
      return refused(crowded);
    case 'not_started':
      return { kind: 'not_sent', why: opening.why };
    default:
      return opening satisfies never;
  }
}

/** The exchange's session, or why there is none for it. A foreign session looks like an unknown one. */
function sessionOf(sessions: StdioSessions, exchange: Exchange): StdioSession | StdioRefusal {
  const id = exchange.headers['mcp-session-id'];
  if (id === undefined) return { why: 'no_session' };
  const session = sessions.find(id, exchange.grant);
  if (session === null) return { why: 'unknown_session' };
  const version = exchange.headers['mcp-protocol-version'];
  const known = version === undefined || version === session.version || REVISIONS.includes(version);
  return known ? session : { why: 'unsupported_version', supported: REVISIONS };
}

function accepts(exchange: Exchange, type: string): boolean {
  const ranges = (exchange.headers.accept ?? '').split(',').map((range) => range.split(';')[0]!.trim().toLowerCase());
  return ranges.some((range) => range === type || range === '*/*' || range === `${type.split('/')[0]}/*`);
}
