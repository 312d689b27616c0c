import type { ServerResponse } from 'node:http';
import { type Context, Hono } from 'hono';
import { AgentSessions } from '../../gateway/call/agent-sessions.ts';
import type { AccessLog } from '../../gateway/log/access-log.ts';
import { type Log, Unavailable } from '../../ports.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import { rpcError } from '../protocol/response.ts';
import { enter, wrongPlace } from './entrance.ts';
import { get, remove } from './listen.ts';
import { post } from './post.ts';
import type { AgentVisit, Passage } from './visit.ts';

export type { AgentGrant as Grant } from './entrance.ts';

export type McpDoorDeps = Omit<Passage, 'sessions'> & {
  readonly store: ConstructorParameters<typeof AgentSessions>[0];
  readonly vault: ConstructorParameters<typeof AgentSessions>[1];
  /** Hears who came in and who was turned away; absent in tests of the door alone. */
  readonly access?: Pick<AccessLog, 'used' | 'refused'>;
  readonly log: Log;
};

const METADATA = '/.well-known/oauth-protected-resource';

/**
 * The agents' door: `POST|GET|DELETE /mcp/{server}` and the metadata that a 401 points to. Refuses with HTTP errors
 * whose body is a JSON-RPC error: 401, 403, 404, 413, 415, 400, 502 when the upstream fails, 503 when a part of the
 * gateway cannot answer; then nothing is let through (P6).
 */
export function mcpDoor(deps: McpDoorDeps): Hono {
  const passage: Passage = { ...deps, sessions: new AgentSessions(deps.store, deps.vault) };
  const app = new Hono();
  app.post('/mcp/:server', (c) => admit(c, deps, passage, post));
  app.get('/mcp/:server', (c) => admit(c, deps, passage, get));
  app.delete('/mcp/:server', (c) => admit(c, deps, passage, remove));
  app.all('/mcp/:server', () => rpcError(405, 405, 'Use POST, GET or DELETE.', 'null', { allow: 'POST, GET, DELETE' }));
  app.get(`${METADATA}/*`, (c) => wrongPlace(deps, headersOf(c)) ?? metadata(deps, c.req.path.slice(METADATA.length)));
  return app;
}

async function admit(
  c: Context,
  deps: McpDoorDeps,
  passage: Passage,
  handle: (visit: AgentVisit) => Promise<Response>,
): Promise<Response> {
  const headers = headersOf(c);
  const name = c.req.param('server') ?? '';
  const entered = enter(deps, headers, name);
  if (entered.kind === 'turned_away') {
    const { response, grant } = entered;
    const known = deps.servers(name) === undefined ? null : name;
    const about = { door: 'mcp', status: response.status, server: known, grant } as const;
    deps.access?.refused({ ...about, address: addressOf(c) });
    return response;
  }
  const { server, principal } = entered;
  deps.access?.used(principal.grant, server.name);
  try {
    return await handle({ passage, request: c.req.raw, outgoing: outgoingOf(c), headers, server, principal });
  } catch (error) {
    const about = { grant: principal.grant, server: server.name };
    if (error instanceof Unavailable) {
      deps.log.error({ ...about, part: error.part, why: error.message }, 'cannot answer');
      const why = `The gateway's ${error.part} cannot answer, so this request was not completed. Try again later.`;
      return rpcError(503, 503, why);
    }
    deps.log.error({ ...about, error: String(error) }, 'a request failed');
    return rpcError(500, 500, 'The gateway failed on this request. Its operator finds the reason in its log.');
  }
}

/** On Node the parsed headers are at hand; making a `Headers` of them would cost as much as the rest of the door. */
function headersOf(c: Context): HeaderRecord {
  const env = c.env as { incoming?: { headers?: HeaderRecord } } | undefined;
  return env?.incoming?.headers ?? Object.fromEntries(c.req.raw.headers);
}

function outgoingOf(c: Context): ServerResponse | null {
  return (c.env as { outgoing?: ServerResponse } | undefined)?.outgoing ?? null;
}

/** null: this runtime does not tell. */
function addressOf(c: Context): string | null {
  const env = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  return env?.incoming?.socket?.remoteAddress ?? null;
}

/** RFC 9728. Says the same of every name, so that nobody learns which servers there are. */
function metadata(deps: McpDoorDeps, path: string): Response {
  if (!/^\/mcp\/[^/]+$/.test(path)) return rpcError(404, 404, 'There is no protected resource of this name.');
  const resource = `${deps.publicUrl()}${path}`;
  return Response.json({ resource, bearer_methods_supported: ['header'], resource_name: 'Holdfast' });
}

export type { ServerEntry } from '../upstream/server.ts';
