import type { ServerResponse } from 'node:http';
import type { Principal } from '../../domain/call/call.ts';
import type { AgentSessions, BoundSession } from '../../gateway/call/agent-sessions.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import { rpcError, SESSION_NOT_FOUND } from '../protocol/response.ts';
import type { ServerEntry } from '../upstream/server.ts';
import type { CallDoor } from './call-door.ts';
import type { EntranceDeps } from './entrance.ts';

/** What every visit goes through. */
export interface Passage extends EntranceDeps {
  readonly sessions: AgentSessions;
  readonly calls: CallDoor;
  /** Longest request body, in bytes (`HOLDFAST_MAX_BODY`). */
  readonly maxBody: number;
  /** What tells this runtime's HTTP server that an answer is written to its socket; absent: it must be a `Response`. */
  readonly sent?: Response;
}

/** One request that was let in. */
export interface AgentVisit {
  readonly passage: Passage;
  readonly request: Request;
  /** null: this runtime has none. */
  readonly outgoing: ServerResponse | null;
  readonly headers: HeaderRecord;
  readonly server: ServerEntry;
  readonly principal: Principal;
}

/** The session the request names, if its grant opened it; null when it names none. */
export async function sessionOf({
  headers,
  passage,
  server,
  principal,
}: AgentVisit): Promise<BoundSession | null | 'foreign'> {
  const id = headers['mcp-session-id'];
  if (id === undefined) return null;
  return (await passage.sessions.find(server.name, id, principal.grant)) ?? 'foreign';
}

/** Another grant's session and one that never was look the same. */
export function noSession(idText = 'null'): Response {
  return rpcError(404, SESSION_NOT_FOUND, 'Session not found: send initialize to begin a new one.', idText);
}
