import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OpenVisits } from '../../../src/gateway/state/open-visits.ts';
import { requestListener } from '../../../src/main/process/request-listener.ts';
import type { CallDoor } from '../../../src/mcp/door/call-door.ts';
import { type Grant, type McpDoorDeps, mcpDoor, type ServerEntry } from '../../../src/mcp/door/door.ts';
import { quiet } from '../log.ts';

/** Lets every call through. */
export const OPEN_CALLS: CallDoor = {
  call: async () => ({ kind: 'forward' }),
  cancelled: async () => false,
  sessionEnded: async () => {},
};

/** Session bindings in memory; as in the store, the first binding wins. */
export function memoryBindings(): McpDoorDeps['store'] {
  const bindings = new Map<string, string>();
  return {
    bindSession: async (id, server, grant) => {
      const key = `${id} ${server}`;
      if (!bindings.has(key)) bindings.set(key, grant);
    },
    sessionGrant: async (id, server) => bindings.get(`${id} ${server}`) ?? null,
    countSession: async () => null,
    uncountSession: async () => undefined,
    unbindSession: async (id, server) => void bindings.delete(`${id} ${server}`),
  };
}

export interface ServedDoor extends AsyncDisposable {
  readonly origin: string;
  /** The URL that agents of this server use. */
  url(server: string): string;
}

/** Only the agents' door, listening on a socket. `direct`: false: without the short way into it. The tokens `alice` and `bob` may use every server but `private`. */
export async function servedDoor(
  servers: readonly ServerEntry[],
  over: Partial<
    Pick<McpDoorDeps, 'alreadySent' | 'beatMs' | 'calls' | 'store' | 'maxBody' | 'sessionOpenings' | 'visits'>
  > & { readonly direct?: false } = {},
): Promise<ServedDoor> {
  const names = servers.map((server) => server.name).filter((name) => name !== 'private');
  const grants = new Map<string, Grant>(
    ['alice', 'bob'].map((name) => [
      name,
      { name, owner: null, selfApproval: false, servers: names, tokenSha256: name },
    ]),
  );
  let origin = '';
  const { direct: isDirect = true, ...more } = over;
  const { app, direct } = mcpDoor({
    servers: (name) => servers.find((server) => server.name === name),
    authenticate: (bearer) => grants.get(bearer) ?? null,
    store: memoryBindings(),
    vault: { digests: (_, text) => [createHash('sha256').update(text).digest('hex')] },
    calls: OPEN_CALLS,
    visits: new OpenVisits(),
    sessionOpenings: () => ({ max: 1_000, per: 'second' }),
    maxBody: 64 * 1024,
    hosts: () => new Set([new URL(origin).host]),
    publicUrl: () => origin,
    log: quiet,
    ...more,
  });
  const server = createServer(requestListener({ fetch: app.fetch, ...(isDirect && { direct }) }, '127.0.0.1')).listen(
    0,
    '127.0.0.1',
  );
  await new Promise((resolve) => server.once('listening', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    url: (name) => `${origin}/mcp/${name}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all(servers.map((entry) => entry.upstream.close()));
    },
  };
}
