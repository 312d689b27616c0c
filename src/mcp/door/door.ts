import type { ServerResponse } from 'node:http';
import { type Context, Hono } from 'hono';
import { AgentSessions } from '../../gateway/call/agent-sessions.ts';
import type { GuessThrottle } from '../../gateway/state/guess-throttle.ts';
import { type Log, Unavailable, Unstorable } from '../../ports.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import { GUARDED_HEADERS, refusalWithId, rpcError } from '../protocol/response.ts';
import { KeepAlive } from '../sse/keep-alive.ts';
import { endedWith } from './ended-with.ts';
import { admitAgent, refuseForeignAddress } from './entrance.ts';
import { heardRefusal } from './heard-refusal.ts';
import { handleDelete, handleGet } from './listen.ts';
import { NewestListeners } from './newest-listener.ts';
import { noOAuth, OAUTH_PATHS } from './no-oauth.ts';
import { FailedPost, handlePost } from './post.ts';
import { idOfRefused } from './refused-id.ts';
import { UnreadBodies } from './unread-bodies.ts';
import type { AgentVisit, DoorContext } from './visit.ts';

export type { AgentGrant as Grant } from './entrance.ts';

/** What the agents' door needs. */
export type McpDoorDeps = Omit<DoorContext, 'beats' | 'listeners' | 'sessions' | 'unread'> & {
  readonly store: ConstructorParameters<typeof AgentSessions>[0];
  readonly vault: ConstructorParameters<typeof AgentSessions>[1];
  readonly log: Log;
  /** Milliseconds between two comments on a silent stream that is passed on; absent: 15 s. */
  readonly beatMs?: () => number;
  /** Where a request came from; absent: the other end of its socket. */
  readonly addressOf?: (c: Context) => string | null;
  /** Counts wrong tokens; absent in tests of the door alone. */
  readonly guesses?: Pick<GuessThrottle, 'wrong'>;
};

const METADATA = '/.well-known/oauth-protected-resource';

/**
 * The agents' door: `POST|GET|DELETE /mcp/{server}`, and the metadata that a 401 points to. It refuses with HTTP errors
 * whose body is a JSON-RPC error: 400, 401, 403, 404, 405, 413, 415, 429; 502 when the upstream fails; 503 when a part of the
 * gateway does not answer, and then nothing is forwarded (P6).
 */
export function mcpDoor(deps: McpDoorDeps): Hono {
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
    app.post(path, (c) => admit(c, deps, context, handlePost));
    // Hono routes HEAD to GET. There is nothing to tell about a stream that nobody reads.
    app.get(path, (c) => (c.req.method === 'HEAD' ? notAllowed(c) : admit(c, deps, context, handleGet)));
    app.delete(path, (c) => admit(c, deps, context, handleDelete));
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
    deps.access?.refused({ door: 'mcp', status: 405, server: known, grant: null, address: addressOf(c, deps) });
    return rpcError(405, 405, 'Use POST, GET or DELETE.', 'null', { allow: 'POST, GET, DELETE' });
  }
  return app;
}

function noServerNamed(): Response {
  return rpcError(404, 404, 'There is nothing here. An MCP server behind this gateway has the address /mcp/{server}.');
}

async function admit(
  c: Context,
  deps: McpDoorDeps,
  context: DoorContext,
  handle: (visit: AgentVisit) => Promise<Response>,
): Promise<Response> {
  const headers = headersOf(c);
  const name = c.req.param('server') ?? '';
  const judged = admitAgent(deps, headers, name);
  // A grant's own token is judged at once, and nothing is waited for.
  const admitted = judged instanceof Promise ? await judged : judged;
  const address = addressOf(c, deps);
  if (admitted.kind === 'turned_away') {
    const { grant } = admitted;
    const seconds = admitted.guessed ? (deps.guesses?.wrong(address, null) ?? null) : null;
    const response = seconds === null ? admitted.response : tooManyGuesses(seconds);
    const known = deps.servers(name) === undefined ? null : name;
    const why = admitted.why === null ? {} : { why: admitted.why };
    const subject = { door: 'mcp', status: response.status, server: known, grant, ...why } as const;
    deps.access?.refused({ ...subject, address });
    const idText = await idOfRefused(c.req.raw, headers);
    const answer = idText === null ? response : refusalWithId(response, idText);
    return c.req.method === 'POST' && !(admitted.challenges && seconds === null)
      ? heardRefusal(headers, answer)
      : answer;
  }
  const { server, principal, token, listening, about } = admitted;
  deps.access?.used(principal.grant, server.name, about);
  const ending = deps.visits.begin(c.req.method === 'GET' ? listening : token, server.name);
  const outgoing = outgoingOf(c);
  const done = outgoing === null ? null : ending.onEnd(() => void outgoing.destroy());
  try {
    const visit = { context, request: c.req.raw, outgoing, headers, server, principal, ending };
    const answer = await handle(visit);
    if (outgoing === null) return endedWith(ending, answer);
    if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.once('close', done!);
    else done!();
    return answer;
  } catch (thrown) {
    done?.();
    const { error, idText } = thrown instanceof FailedPost ? thrown : { error: thrown, idText: 'null' };
    const subject = { grant: principal.grant, server: server.name };
    if (error instanceof Unstorable) {
      deps.log.info({ ...subject, why: error.message }, 'a request cannot be kept');
      return rpcError(400, -32_600, UNSTORABLE);
    }
    if (error instanceof Unavailable) {
      deps.log.error({ ...subject, part: error.part, why: error.message }, 'cannot answer');
      const why = `The gateway's ${error.part} cannot answer, so this request was not completed. Try again later.`;
      return rpcError(503, 503, why, idText);
    }
    // Whoever breaks off a hundred requests must not fill the operator's log with errors.
    if (c.req.raw.signal.aborted) deps.log.info(subject, 'a request was broken off by its sender');
    else deps.log.error({ ...subject, error: String(error) }, 'a request failed');
    return rpcError(500, 500, 'The gateway failed on this request. Its operator finds the reason in its log.', idText);
  }
}

const UNSTORABLE =
  'Not forwarded: this request holds text that cannot be kept (a NUL character, half of a surrogate pair, or an id of ' +
  'thousands of characters). Leave it out, or shorten it.';

function tooManyGuesses(seconds: number): Response {
  const why = `Too many wrong tokens came from this address. Wait ${seconds} seconds; a right one passes.`;
  return rpcError(429, 429, why, 'null', { 'retry-after': String(seconds) });
}

/** On Node the parsed headers are used as they are; building a `Headers` would cost as much as the rest of the door. */
function headersOf(c: Context): HeaderRecord {
  const env = c.env as { incoming?: { headers?: HeaderRecord } } | undefined;
  return env?.incoming?.headers ?? Object.fromEntries(c.req.raw.headers);
}

function outgoingOf(c: Context): ServerResponse | null {
  return (c.env as { outgoing?: ServerResponse } | undefined)?.outgoing ?? null;
}

/** The agent's IP address; null: this runtime does not provide it. */
function addressOf(c: Context, deps: Pick<McpDoorDeps, 'addressOf'>): string | null {
  if (deps.addressOf !== undefined) return deps.addressOf(c);
  const env = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  return env?.incoming?.socket?.remoteAddress ?? null;
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
