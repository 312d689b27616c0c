import { headerOf } from '../protocol/header-policy.ts';
import { readWhole } from './send.ts';
import type { ServerEntry } from './server.ts';

/** The revision of a request without MCP-Protocol-Version. */
const DEFAULT_REVISION = '2025-03-26';
/** Milliseconds that a server may take to open a session, and to end it. */
const ANSWER_MS = 20_000;

/** What is to be done in a session of the gateway's own. */
export interface SessionWork<T> {
  /** Called with the agent's headers and the new session's id. */
  readonly send: (headers: Record<string, string>) => Promise<T>;
  /** The result when no session could be opened. */
  readonly refused: (why: string) => T;
  /** Whether what was sent continues in the session, which then is not ended. */
  readonly keep?: (sent: T) => boolean;
}

/**
 * Does something for a task in a session of the gateway's own, because the agent's session has ended: the server
 * restarted, or the session belonged to a child process of a replica that is gone. Ends the new session afterwards.
 */
export async function freshSession<T>(
  server: ServerEntry,
  grant: string,
  agentHeaders: Readonly<Record<string, string>>,
  { send, refused, keep }: SessionWork<T>,
): Promise<T> {
  const { 'mcp-session-id': _, ...headers } = agentHeaders;
  const version = headers['mcp-protocol-version'] ?? DEFAULT_REVISION;
  const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: 'holdfast', version: '1' } };
  const opened = await post(server, grant, headers, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
  if (opened.kind !== 'answer' || opened.status !== 200) {
    return refused(opened.kind === 'answer' ? `it answered ${opened.status} to initialize` : opened.why);
  }
  const fault = await readToEnd(opened.body);
  if (fault !== null) return refused(fault);
  const session = headerOf(opened.headers, 'mcp-session-id');
  const inSession = session === null ? headers : { ...headers, 'mcp-session-id': session };
  const confirmed = await post(server, grant, inSession, { jsonrpc: '2.0', method: 'notifications/initialized' });
  if (confirmed.kind === 'answer') await readToEnd(confirmed.body);
  let keepOpen = false;
  try {
    const sent = await send(inSession);
    keepOpen = keep?.(sent) ?? false;
    return sent;
  } finally {
    if (session !== null && !keepOpen) void endSession(server, grant, inSession);
  }
}

function post({ upstream }: ServerEntry, grant: string, headers: Record<string, string>, message: object) {
  const body = new TextEncoder().encode(JSON.stringify(message));
  return upstream.exchange({ method: 'POST', headers, body, grant, signal: AbortSignal.timeout(ANSWER_MS) });
}

/** Reads an answer to its end and drops it. Null: it was complete. */
async function readToEnd(body: Parameters<typeof readWhole>[0]): Promise<string | null> {
  try {
    await readWhole(body, AbortSignal.timeout(ANSWER_MS));
    return null;
  } catch {
    return 'its answer to initialize did not end';
  }
}

async function endSession({ upstream }: ServerEntry, grant: string, headers: Record<string, string>): Promise<void> {
  const { 'content-type': _, ...rest } = headers;
  const signal = AbortSignal.timeout(ANSWER_MS);
  const ended = await upstream.exchange({ method: 'DELETE', headers: rest, body: null, grant, signal });
  if (ended.kind === 'answer') await readToEnd(ended.body);
}
