import { headerOf } from '../protocol/header-policy.ts';
import { whole } from './send.ts';
import type { ServerEntry } from './server.ts';

const OLDEST = '2025-03-26';
/** Milliseconds that a server may take to open a session, and to end it. */
const ANSWER_MS = 20_000;

/** What is done inside: with the agent's headers and the new session; or not at all, because none could be opened. */
export interface Inside<T> {
  readonly send: (headers: Record<string, string>) => Promise<T>;
  readonly refused: (why: string) => T;
  /** What was sent goes on in the session: it is not ended. */
  readonly keep?: (sent: T) => boolean;
}

/**
 * Does something for a task in a session of the gateway's own, when the agent's is over: the server restarted, or the session
 * lived in a child of a replica that is gone. The session is ended afterwards.
 */
export async function freshSession<T>(
  server: ServerEntry,
  grant: string,
  agent: Readonly<Record<string, string>>,
  { send, refused, keep }: Inside<T>,
): Promise<T> {
  const { 'mcp-session-id': _, ...headers } = agent;
  const version = headers['mcp-protocol-version'] ?? OLDEST;
  const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: 'holdfast', version: '1' } };
  const opened = await post(server, grant, headers, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
  if (opened.kind !== 'answer' || opened.status !== 200) {
    return refused(opened.kind === 'answer' ? `it answered ${opened.status} to initialize` : opened.why);
  }
  const broken = await read(opened.body);
  if (broken !== null) return refused(broken);
  const session = headerOf(opened.headers, 'mcp-session-id');
  const inside = session === null ? headers : { ...headers, 'mcp-session-id': session };
  const told = await post(server, grant, inside, { jsonrpc: '2.0', method: 'notifications/initialized' });
  if (told.kind === 'answer') await read(told.body);
  let goesOn = false;
  try {
    const sent = await send(inside);
    goesOn = keep?.(sent) ?? false;
    return sent;
  } finally {
    if (session !== null && !goesOn) void end(server, grant, inside);
  }
}

function post({ upstream }: ServerEntry, grant: string, headers: Record<string, string>, message: object) {
  const body = new TextEncoder().encode(JSON.stringify(message));
  return upstream.exchange({ method: 'POST', headers, body, grant, signal: AbortSignal.timeout(ANSWER_MS) });
}

/** Reads and forgets an answer. null: it was whole. */
async function read(body: Parameters<typeof whole>[0]): Promise<string | null> {
  try {
    await whole(body, AbortSignal.timeout(ANSWER_MS));
    return null;
  } catch {
    return 'its answer to initialize did not end';
  }
}

async function end({ upstream }: ServerEntry, grant: string, headers: Record<string, string>): Promise<void> {
  const { 'content-type': _, ...rest } = headers;
  const signal = AbortSignal.timeout(ANSWER_MS);
  const ended = await upstream.exchange({ method: 'DELETE', headers: rest, body: null, grant, signal });
  if (ended.kind === 'answer') await read(ended.body);
}
