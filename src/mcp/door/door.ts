import { type Context, Hono } from 'hono';
import { AgentSessions } from '../../gateway/call/agent-sessions.ts';
import { GUARDED_HEADERS, rpcError } from '../protocol/response.ts';
import { KeepAlive } from '../sse/keep-alive.ts';
import { arrivedOf, headersOf } from './arrived.ts';
import { type DirectDoor, directDoor } from './direct.ts';
import { refuseForeignAddress } from './entrance.ts';
import { handleDelete, handleGet } from './listen.ts';
import { NewestListeners } from './newest-listener.ts';
import { noOAuth, OAUTH_PATHS } from './no-oauth.ts';
import { handlePost } from './post.ts';
import { type AdmissionDeps, addressOf, receive } from './receive.ts';
import { UnreadBodies } from './unread-bodies.ts';
import type { DoorContext } from './visit.ts';

export type { AgentGrant as Grant } from './entrance.ts';

/** What the agents' door needs. */
export type McpDoorDeps = Omit<DoorContext, 'beats' | 'listeners' | 'sessions' | 'unread'> &
  AdmissionDeps & {
    readonly store: ConstructorParameters<typeof AgentSessions>[0];
    readonly vault: ConstructorParameters<typeof AgentSessions>[1];
    /** Milliseconds between two comments on a silent stream that is passed on; absent: 15 s. */
    readonly beatMs?: () => number;
  };

/** The agents' door, with the short way into it that node:http's own requests have. */
export interface McpDoor {
  readonly app: Hono;
  readonly direct: DirectDoor;
}

const METADATA = '/.well-known/oauth-protected-resource';

/**
 * The agents' door: `POST|GET|DELETE /mcp/{server}`, and the metadata that a 401 points to. It refuses with HTTP errors
 * whose body is a JSON-RPC error: 400, 401, 403, 404, 405, 413, 415, 429; 502 when the upstream fails; 503 when a part of the
 * gateway does not answer, and then nothing is forwarded (P6).
 */
export function mcpDoor(deps: McpDoorDeps): McpDoor {
  const context: DoorContext = {
    ...deps,
    sessions: new AgentSessions(deps.store, deps.vault),
    listeners: new NewestListeners(),
    beats: new KeepAlive(deps.beatMs),
    unread: new UnreadBodies(deps.maxBody),
  };
  const app = new Hono();
  // Some clients add a slash to the address that they are given.
  for (const path of ['/mcp/:server', '/mcp/:server/']) {
    app.post(path, (c) => receive(deps, context, arrivedOf(c), handlePost));
    // Hono routes HEAD to GET. There is nothing to tell about a stream that nobody reads.
    app.get(path, (c) => (c.req.method === 'HEAD' ? notAllowed(c) : receive(deps, context, arrivedOf(c), handleGet)));
    app.delete(path, (c) => receive(deps, context, arrivedOf(c), handleDelete));
    app.all(path, notAllowed);
  }
  app.all('/mcp', noServerNamed);
  app.all('/mcp/*', noServerNamed);
  // Where clients ask that take a refused token for a beginning of OAuth.
  for (const path of OAUTH_PATHS)
    app.all(
      path,
      (c) => refuseForeignAddress(deps, headersOf(c)) ?? noOAuth(deps.accessTokens?.provider()?.issuer ?? null),
    );
  app.get(
    `${METADATA}/*`,
    (c) => refuseForeignAddress(deps, headersOf(c)) ?? metadata(deps, c.req.path.slice(METADATA.length)),
  );
  function notAllowed(c: Context): Response {
    const name = c.req.param('server') ?? '';
    const known = deps.servers(name) === undefined ? null : name;
    deps.access?.refused({ door: 'mcp', status: 405, server: known, grant: null, address: addressOf(deps, c) });
    return rpcError(405, 405, 'Use POST, GET or DELETE.', 'null', { allow: 'POST, GET, DELETE' });
  }
  return { app, direct: directDoor(deps, context) };
}

function noServerNamed(): Response {
  return rpcError(404, 404, 'There is nothing here. An MCP server behind this gateway has the address /mcp/{server}.');
}

/** RFC 9728. The answer is the same for every name, so that it does not reveal which servers exist. */
function metadata(deps: McpDoorDeps, path: string): Response {
  if (!/^\/mcp\/[^/]+\/?$/.test(path)) return rpcError(404, 404, 'There is no protected resource of this name.');
  const resource = `${deps.publicUrl()}${path.replace(/\/$/, '')}`;
  const provider = deps.accessTokens?.provider() ?? null;
  const { issuer, scopes = [] } = provider ?? {};
  const found = {
    resource,
    ...(issuer !== undefined && { authorization_servers: [issuer] }),
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
    resource_name: 'Holdfast',
  };
  return Response.json(found, { headers: GUARDED_HEADERS });
}

export type { ServerEntry } from '../upstream/server.ts';
