import { type Attempt, attempt } from './attempt.ts';
import { readWhole } from './read-whole.ts';
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
  server: Pick<ServerEntry, 'upstream'>,
  grant: string,
  agentHeaders: Readonly<Record<string, string>>,
  { send, refused, keep }: SessionWork<T>,
): Promise<T> {
  const { 'mcp-session-id': _, ...headers } = agentHeaders;
  const version = headers['mcp-protocol-version'] ?? DEFAULT_REVISION;
  const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: 'holdfast', version: '1' } };
  const opened = await request(server, grant, headers, 'initialize', params);
  const { outcome, status, session } = opened;
  if (outcome.kind !== 'returned') return refused(outcome.why);
  if (status !== 200 || outcome.failed) return refused(`it refused to initialize (${status})`);
  const inSession = session === null ? headers : { ...headers, 'mcp-session-id': session };
  await confirm(server, grant, inSession);
  let keepOpen = false;
  try {
    const sent = await send(inSession);
    keepOpen = keep?.(sent) ?? false;
    return sent;
  } finally {
    if (session !== null && !keepOpen) void endSession(server, grant, inSession);
  }
}

function request(
  { upstream }: Pick<ServerEntry, 'upstream'>,
  grant: string,
  headers: Record<string, string>,
  method: string,
  params: object,
): Promise<Attempt> {
  const id = `holdfast-${crypto.randomUUID()}`;
  const bytes = new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  const sent = { ...headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const signal = AbortSignal.timeout(ANSWER_MS);
  return attempt({
    upstream,
    grant,
    headers: sent,
    bytes,
    idText: JSON.stringify(id),
    signal,
    onEvent: () => undefined,
  });
}

async function confirm(
  { upstream }: Pick<ServerEntry, 'upstream'>,
  grant: string,
  headers: Record<string, string>,
): Promise<void> {
  const body = new TextEncoder().encode('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  const signal = AbortSignal.timeout(ANSWER_MS);
  const confirmed = await upstream.exchange({ method: 'POST', headers, body, grant, signal });
  if (confirmed.kind === 'answer') await readToEnd(confirmed.body);
}

/** Reads an answer to its end and drops it. */
async function readToEnd(body: Parameters<typeof readWhole>[0]): Promise<void> {
  await readWhole(body, AbortSignal.timeout(ANSWER_MS)).catch(() => undefined);
}

async function endSession(
  { upstream }: Pick<ServerEntry, 'upstream'>,
  grant: string,
  headers: Record<string, string>,
): Promise<void> {
  const { 'content-type': _, ...rest } = headers;
  const signal = AbortSignal.timeout(ANSWER_MS);
  const ended = await upstream.exchange({ method: 'DELETE', headers: rest, body: null, grant, signal });
  if (ended.kind === 'answer') await readToEnd(ended.body);
}
