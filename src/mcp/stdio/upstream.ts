import type { Clock, Exchange, ExchangeAnswer, Log, Upstream } from '../../ports.ts';
import type { Program } from './child.ts';
import { type PostedMessages, readPostedInPieces } from './message.ts';
import type { AnswerForm } from './post.ts';
import { refusalAnswer, type StdioRefusal } from './refusal.ts';
import type { StdioSession } from './session.ts';
import { type ServerFailure, StdioSessions } from './sessions.ts';

/** How a stdio server is run. */
export interface StdioOptions {
  /** How the next child is started. Throws, with a message for the log, where it cannot be. */
  readonly program: () => Program;
  readonly clock: Clock;
  readonly log: Log;
  /** Children that one grant may have of this server, on this replica. Default 16. */
  readonly maxChildrenPerGrant?: number;
  /** Milliseconds without traffic after which a session is ended. Default 30 minutes. */
  readonly idleMs?: number;
  /** Milliseconds without traffic after which a session whose client is gone makes room for a new one. Default a minute. */
  readonly quietMs?: number;
  /** Milliseconds after which an answer that has not come yet is started as an event stream. Default 250. */
  readonly headersAfterMs?: number;
  /** Told of processes that fail, instead of the log. */
  readonly onFailure?: ((failure: ServerFailure) => void) | undefined;
}

/** The revisions of the legacy era. Clients of 2024-11-05 still send their revision over HTTP. */
const REVISIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];

/**
 * An MCP server that speaks stdio, reached as if it spoke streamable HTTP (revisions 2025-03-26 to 2025-11-25). Each
 * session has a child process; it is opened by `initialize` and belongs to the grant that sent it. Lines are relayed
 * with their own bytes. A modern request, which has no session, is answered as a legacy-only server would answer it, so
 * that clients fall back. `Last-Event-ID` is ignored: nothing is replayed.
 */
export function stdioUpstream(options: StdioOptions): Upstream {
  const { maxChildrenPerGrant = 16, idleMs = 30 * 60_000, quietMs = 60_000, headersAfterMs = 250 } = options;
  const { clock, log, program, onFailure } = options;
  const terms = { program, clock, log, onFailure, maxChildrenPerGrant, idleMs, quietMs, headersAfterMs };
  const sessions = new StdioSessions(terms);
  return {
    kind: 'stdio',
    exchange: (exchange) =>
      answerTo(sessions, exchange, { why: 'too_many_children', most: maxChildrenPerGrant, idleMs }),
    keepGrants: (keeps) => sessions.keepGrants(keeps),
    close: () => sessions.close(),
  };
}

async function answerTo(sessions: StdioSessions, exchange: Exchange, tooMany: StdioRefusal): Promise<ExchangeAnswer> {
  switch (exchange.method) {
    case 'POST':
      return answerPost(sessions, exchange, tooMany);
    case 'GET': {
      const session = sessionOf(sessions, exchange);
      if ('why' in session) return refusalAnswer(session);
      return accepts(exchange, 'text/event-stream')
        ? session.listen(exchange.signal)
        : refusalAnswer({ why: 'no_events_accepted' });
    }
    case 'DELETE': {
      const session = sessionOf(sessions, exchange);
      if ('why' in session) return refusalAnswer(session);
      // Not awaited: a child that ignores the end of its input takes up to five seconds to end.
      void sessions.end(session);
      return { kind: 'answer', status: 204, headers: [], body: null };
    }
    default:
      return exchange.method satisfies never;
  }
}

async function answerPost(sessions: StdioSessions, exchange: Exchange, tooMany: StdioRefusal): Promise<ExchangeAnswer> {
  const reading = await readPostedInPieces(exchange.body ?? new Uint8Array());
  if (reading.kind === 'refused') return refusalAnswer({ why: reading.why });
  const { posted } = reading;
  const form = {
    events: accepts(exchange, 'text/event-stream'),
    batch: posted.batch,
    headers: [],
    carriesRequests: exchange.carriesRequests === true,
  };
  const initializes = posted.parts.some(({ message }) => message.kind === 'request' && message.method === 'initialize');
  if (initializes && posted.batch) return refusalAnswer({ why: 'not_a_message' });
  if (initializes && exchange.headers['mcp-session-id'] === undefined)
    return openSession(sessions, exchange, posted, form, tooMany);

  const session = sessionOf(sessions, exchange);
  if ('why' in session) return refusalAnswer(session);
  return initializes ? refusalAnswer({ why: 'already_initialized' }) : session.post(posted, form, exchange.signal);
}

async function openSession(
  sessions: StdioSessions,
  exchange: Exchange,
  posted: PostedMessages,
  form: AnswerForm,
  tooMany: StdioRefusal,
): Promise<ExchangeAnswer> {
  const opening = await sessions.open(exchange.grant);
  switch (opening.kind) {
    case 'opened': {
      const { session } = opening;
      const headers = [['mcp-session-id', session.id]] as const;
      const answer = await session.post(posted, { ...form, headers }, exchange.signal);
      // The client never got the session's id, so it cannot use the session.
      if (answer.kind !== 'answer') void sessions.end(session);
      return answer;
    }
    case 'too_many':
      return refusalAnswer(tooMany);
    case 'not_started':
      return { kind: 'not_sent', why: opening.why };
    default:
      return opening satisfies never;
  }
}

/** The exchange's session, or why there is none. Another grant's session looks like an unknown one. */
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
