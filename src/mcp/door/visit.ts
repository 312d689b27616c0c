import type { ServerResponse } from 'node:http';
import type { OpeningRate } from '../../domain/approval/openings.ts';
import type { Principal } from '../../domain/call/call.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { AgentSessions, BoundSession } from '../../gateway/call/agent-sessions.ts';
import type { AccessLog } from '../../gateway/log/access-log.ts';
import type { AskedMessage, MethodCaller, MethodsHandled } from '../../gateway/method/govern-methods.ts';
import type { Unnamed } from '../../gateway/method/note-unnamed.ts';
import type { LateSessions } from '../../gateway/state/late-sessions.ts';
import type { OpenVisits } from '../../gateway/state/open-visits.ts';
import type { Ending, Tracing } from '../../ports.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import { rpcError, SESSION_NOT_FOUND } from '../protocol/response.ts';
import type { KeepAlive } from '../sse/keep-alive.ts';
import type { ServerEntry } from '../upstream/server.ts';
import type { CallDoor } from './call-door.ts';
import type { EntranceDeps } from './entrance.ts';
import type { AgentRequest } from './incoming-request.ts';
import type { NewestListeners } from './newest-listener.ts';
import type { UnreadBodies } from './unread-bodies.ts';

/** What the door's handlers share. */
export interface DoorContext extends EntranceDeps {
  readonly sessions: AgentSessions;
  readonly calls: CallDoor;
  /** Sessions of which agents have not been told; absent in tests of the door alone. */
  readonly lateSessions?: LateSessions;
  /** Policy and log for everything but tool calls; absent in tests of the door alone: all of it is relayed. */
  readonly govern?: (
    caller: MethodCaller,
    messages: readonly AskedMessage[],
  ) => MethodsHandled | Promise<MethodsHandled>;
  /** The freeze that stops the answers among these messages; null: none. Absent in tests of the door alone. */
  readonly freezeOverAnswers?: (caller: MethodCaller, messages: readonly JsonObject[]) => Freeze | null;
  /** Logs what an agent does without a method, before it is relayed. */
  readonly noteUnnamed?: (caller: MethodCaller, what: Unnamed) => Promise<void>;
  /** Records who was admitted and who was turned away; absent in tests of the door alone. */
  readonly access?: Pick<AccessLog, 'used' | 'refused'>;
  /** What agents' requests keep open here. */
  readonly visits: OpenVisits;
  /** How often a grant may open a session. */
  readonly sessionOpenings: () => OpeningRate;
  /** Longest request body, in bytes (`HOLDFAST_MAX_BODY`). */
  readonly maxBody: number;
  /** Which GET of each session listens. */
  readonly listeners: NewestListeners;
  /** When streams that are passed on get a comment. */
  readonly beats: KeepAlive;
  /** What each grant has on its way here. */
  readonly unread: UnreadBodies;
  /** Takes the time of tool calls; absent: nobody collects traces. */
  readonly tracing?: Tracing;
  /** Tells this runtime's HTTP server that the answer has been written already; absent: there is no such value. */
  readonly alreadySent?: Response;
}

/** One request that was admitted. */
export interface AgentVisit {
  readonly context: DoorContext;
  readonly request: AgentRequest;
  /** node:http's response; null: this runtime has none. */
  readonly outgoing: ServerResponse | null;
  readonly headers: HeaderRecord;
  readonly server: ServerEntry;
  readonly principal: Principal;
  /** The grant is no longer accepted here. */
  readonly ending: Ending;
}

/** The session that the request names; `foreign` unless its grant opened it; null when the request names none. */
export async function sessionOf({
  headers,
  context,
  server,
  principal,
}: AgentVisit): Promise<BoundSession | null | 'foreign'> {
  const id = headers['mcp-session-id'];
  if (id === undefined) return null;
  return (await context.sessions.find(server.name, id, principal.grant)) ?? 'foreign';
}

/** HTTP 404, for another grant's session as for one that never existed. */
export function sessionNotFound(idText = 'null'): Response {
  return rpcError(404, SESSION_NOT_FOUND, 'Session not found: send initialize to begin a new one.', idText);
}

/** Logs what the agent does without a method. Throws `Unavailable('audit')`; then it is not relayed. */
export async function noteVisit(
  { context, principal, server }: AgentVisit,
  session: string | null,
  what: Unnamed,
): Promise<void> {
  await context.noteUnnamed?.({ principal, server: server.name, session }, what);
}
