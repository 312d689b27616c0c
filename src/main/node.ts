import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { Loaded } from '../config/load.ts';
import type { JsonObject } from '../domain/json.ts';
import { bindGateway, startGateway } from '../gateway/gateway.ts';
import { httpApp } from '../http.ts';
import { callDoor } from '../mcp/calls.ts';
import { mcpDoor } from '../mcp/door.ts';
import type { Log } from '../ports.ts';
import { sqlStore } from '../sql/store.ts';
import { vault } from '../vault/vault.ts';
import { api } from '../web/api.ts';
import { health } from '../web/health.ts';
import { approversInSlack } from './approvers.ts';
import { LiveRules } from './live-rules.ts';
import { digestsOf } from './reload.ts';
import { embeddedSecret } from './secret.ts';
import { Servers } from './servers.ts';
import { openStorage } from './storage.ts';

export interface Running {
  /** Where it listens: `http://127.0.0.1:8787`. */
  readonly url: string;
  readonly rules: LiveRules;
  /** Writes an event of the gateway itself. */
  told(type: 'policy.loaded' | 'policy.rejected', data: JsonObject): Promise<void>;
  /** Held calls get the pending result, calls under way may finish for `DRAIN_MS`, then everything is let go. */
  stop(): Promise<void>;
}

/** Milliseconds that calls under way may take when the process is asked to stop. */
const DRAIN_MS = 10_000;
/** Milliseconds in which a request must have arrived whole. */
const REQUEST_MS = 60_000;

/** Starts one gateway on Node. Throws with a plain message when something it needs is missing or out of reach. */
export async function startNode(loaded: Loaded, log: Log): Promise<Running> {
  const { settings, secrets } = loaded;
  const clock = { now: () => new Date() };
  const keys = secrets.secrets.length > 0 ? secrets.secrets : [embeddedSecret(settings.data)];
  const storage = await openStorage(settings, secrets, log);
  const undo: (() => Promise<void>)[] = [storage.connection.close, storage.closeQueue];
  try {
    const rules = new LiveRules(loaded, clock.now);
    const servers = new Servers(rules, clock, log);
    undo.push(() => servers.close());
    const slack = approversInSlack(loaded, clock, log);
    const store = sqlStore(storage.connection);
    const keyed = vault(keys as [string, ...string[]]);
    const replica = `${hostname()}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
    const ports = { store, queue: storage.queue, cards: slack?.cards ?? null, vault: keyed, clock, log, replica };
    const gateway = bindGateway(ports, rules);
    const slackDoor = slack?.door(gateway) ?? null;
    const calls = callDoor(gateway, () => rules.loaded.config.approval.hold);
    const place: Place = { hosts: new Set(), publicUrl: '' };
    const app = httpApp({
      mcp: mcpDoor({
        servers: (name) => servers.entry(name),
        authenticate: (token) => {
          const found = rules.authenticate(token);
          return found.kind === 'known' ? found.grant : null;
        },
        store,
        vault: keyed,
        calls,
        maxBody: settings.maxBody,
        hosts: () => place.hosts,
        publicUrl: () => place.publicUrl,
        log,
      }),
      slack: slackDoor?.app ?? new Hono(),
      api: api({ gateway, adminToken: secrets.adminToken }),
      health: health(gateway),
    });
    undo.push(await startGateway(gateway));
    const server = await listen(app, settings.listen);
    const url = urlOf(server, settings.listen.host);
    Object.assign(place, placeOf(url, settings.publicUrl));
    await slackDoor?.start();
    const told: Running['told'] = async (type, data) => {
      const nothing = { approval: null, server: null, tool: null, grant: null };
      gateway.journal.note({ ...nothing, type, at: clock.now(), actor: 'holdfast', data });
    };
    await told('policy.loaded', digestsOf(loaded));
    return {
      url,
      rules,
      told,
      stop: async () => {
        server.close();
        gateway.room.stop();
        await within(DRAIN_MS, calls.drained());
        await slackDoor?.stop();
        server.closeAllConnections();
        for (const step of undo.reverse()) await step();
      },
    };
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    throw error;
  }
}

interface Place {
  hosts: ReadonlySet<string>;
  publicUrl: string;
}

/** The names by which we may be called. */
function placeOf(url: string, publicUrl: string | null): Place {
  const { host, port, hostname: name } = new URL(url);
  const loopback = ['127.0.0.1', '[::1]', 'localhost', '0.0.0.0', '[::]'].includes(name);
  const hosts = new Set([host, ...(loopback ? [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`] : [])]);
  if (publicUrl !== null) hosts.add(new URL(publicUrl).host);
  return { hosts, publicUrl: publicUrl ?? url };
}

function listen(app: Hono, { host, port }: { host: string; port: number }): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, () => resolve(server)) as Server;
    server.requestTimeout = REQUEST_MS;
    server.keepAliveTimeout = 65_000;
    server.on('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
  });
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const why: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is in use. Stop what listens there, or set HOLDFAST_LISTEN to another port.`,
    EACCES: `Port ${port} may not be used by this user. Set HOLDFAST_LISTEN to a port above 1023.`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Set HOLDFAST_LISTEN.`,
  };
  return new Error(why[error.code ?? ''] ?? `Cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
