import { DurableObject } from 'cloudflare:workers';
import { faultText } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import { sweep } from '../gateway/sweep.ts';
import { fetchUpstream } from '../mcp/upstream-fetch.ts';
import type { Upstream } from '../ports.ts';
import { redisQueue } from '../queue/redis.ts';
import { fetchSlackClient } from '../slack/fetch-client.ts';
import { slackWebDoor } from '../slack/web-door.ts';
import { openPostgres } from '../sql/postgres.ts';
import { Meters } from '../web/meters.ts';
import { type Assembled, assemble } from './assemble.ts';
import { auditWebhook } from './audit-webhook.ts';
import { consoleLog } from './console-log.ts';
import { listOverHttp } from './list-over-http.ts';
import { logWitness, spokenWitness } from './witnesses.ts';
import { workerAssets } from './worker-assets.ts';

/** What wrangler.toml binds, and the same variables as anywhere else. */
export interface Env {
  readonly GATEWAY: {
    idFromName(name: string): object;
    get(id: object): { fetch(request: Request): Promise<Response>; tick(): Promise<void> };
  };
  /** `holdfast.yaml` and its policies, by their paths. */
  readonly HOLDFAST_FILES: { get(key: string, type: 'arrayBuffer'): Promise<ArrayBuffer | null> };
  /** Hyperdrive's connection to Postgres, instead of DATABASE_URL. */
  readonly HYPERDRIVE?: { readonly connectionString: string };
  /** `one` object for everything (default), or one for each `server`. */
  readonly HOLDFAST_SHARD?: string;
  readonly [name: string]: unknown;
}

/** The thin part: finds the object that holds this server's calls, and passes the request on. */
export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return objectFor(env, new URL(request.url)).fetch(request);
  },
  /** Every minute: an object that was evicted while something is parked comes back and sweeps. */
  async scheduled(_event: unknown, env: Env): Promise<void> {
    await objectFor(env, null).tick();
  },
};

/** The object that holds a server's calls; of the others' business there is one. Counters are each object's own. */
function objectFor(env: Env, url: URL | null): ReturnType<Env['GATEWAY']['get']> {
  const sharded = env.HOLDFAST_SHARD === 'server' && url !== null;
  const server = sharded ? /^\/mcp\/([A-Za-z0-9_-]{1,64})$/.exec(url.pathname)?.[1] : undefined;
  const counted = sharded && url.pathname === '/metrics' ? url.searchParams.get('server') : null;
  const name = server ?? counted;
  return env.GATEWAY.get(env.GATEWAY.idFromName(name === null ? 'gateway' : `server ${name}`));
}

/** Milliseconds between two alarms while something is parked; an idle object is evicted after 70 s at the earliest. */
const ALARM_MS = 25_000;

/** The same gateway as on Node, in a Durable Object: it may hold sockets, and lives while something waits in it. */
export class HoldfastObject extends DurableObject<Env> {
  #gate: Promise<Assembled> | null = null;
  /** When the last alarm that this object set goes off, in ms; it may have done so. */
  #alarmAt = 0;

  async fetch(request: Request): Promise<Response> {
    // First: a caller who hangs up must not take the alarm along with what was parked for it.
    await this.#stayAwake();
    let gate: Assembled;
    try {
      gate = await this.#ready();
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      return Response.json({ error: 'unavailable', reason: `The gateway cannot start: ${reason}` }, { status: 503 });
    }
    return gate.app.fetch(request);
  }

  /** From the cron trigger: whatever is past its time, unparked or unposted is seen to. */
  async tick(): Promise<void> {
    const { gateway, rules } = await this.#ready();
    const { setting } = gateway;
    await sweep(setting, rules).catch((error) => setting.log.warn({ err: error }, 'an alarm could not sweep'));
    if (await somethingWaits(gateway)) await this.#stayAwake();
  }

  async alarm(): Promise<void> {
    await this.tick();
  }

  /** A start that failed is tried again by the next request. */
  #ready(): Promise<Assembled> {
    this.#gate ??= boot(this.env).catch((error: unknown) => {
      this.#gate = null;
      throw error;
    });
    return this.#gate;
  }

  /** An object without an alarm is evicted with its timers, whoever waits in SQL. The alarm asks whether to set another. */
  async #stayAwake(): Promise<void> {
    const now = Date.now();
    if (this.#alarmAt > now + ALARM_MS / 2) return;
    this.#alarmAt = now + ALARM_MS;
    await this.ctx.storage.setAlarm(this.#alarmAt);
  }
}

/** Here, or in SQL: the tasks of servers that are followed belong to dispatched approvals. */
async function somethingWaits({ room, setting }: Assembled['gateway']): Promise<boolean> {
  if (room.size > 0) return true;
  try {
    const { items } = await setting.store.list({ states: ['pending', 'approved', 'dispatched'], limit: 1 });
    return items.length > 0;
  } catch {
    // A store that does not answer may well hold something.
    return true;
  }
}

async function boot(env: Env): Promise<Assembled> {
  const log = consoleLog();
  const words = Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === 'string')) as Record<
    string,
    string
  >;
  const url = env.HYPERDRIVE?.connectionString ?? words.DATABASE_URL;
  const readFile = async (path: string): Promise<Uint8Array | null> => {
    const bytes = await env.HOLDFAST_FILES.get(path, 'arrayBuffer');
    return bytes === null ? null : new Uint8Array(bytes);
  };
  const loaded = await loadConfig({ env: { ...words, ...(url ? { DATABASE_URL: url } : {}) }, readFile });
  if (!loaded.ok) throw new Error(loaded.faults.map(faultText).join('; '));
  const { settings, secrets, config } = loaded;
  for (const server of config.servers.values()) {
    if (server.upstream.kind === 'http') continue;
    throw new Error(`servers.${server.name} has a command; on Workers there are no child processes, only url`);
  }
  const { publicUrl } = settings;
  if (secrets.databaseUrl === null || secrets.redisUrl === null || publicUrl === null) {
    throw new Error('Workers need DATABASE_URL (or Hyperdrive), REDIS_URL and HOLDFAST_PUBLIC_URL');
  }
  if (secrets.slackAppToken !== null) throw new Error('Socket Mode does not run on Workers; unset SLACK_APP_TOKEN');
  const connection = await openPostgres({ url: secrets.databaseUrl, connections: 4, shared: true, log });
  const clock = { now: () => new Date() };
  const gate = assemble({
    loaded,
    storage: { connection, queue: redisQueue({ url: secrets.redisUrl, log }), closeQueue: async () => undefined },
    keys: secrets.secrets,
    replica: `worker-${crypto.randomUUID().slice(0, 8)}`,
    clock,
    log,
    witnesses: [logWitness(log), spokenWitness((line) => console.log(line.trimEnd()))],
    sink: auditWebhook(secrets, clock),
    meters: new Meters({ ofProcess: false }),
    // Cloudflare writes this header itself, whatever the caller sent.
    pages: {
      assets: workerAssets(),
      address: (c) => c.req.header('cf-connecting-ip') ?? 'unknown',
      listTools: ({ upstream }, timeoutMs) =>
        upstream.kind === 'http'
          ? listOverHttp(upstream, timeoutMs)
          : Promise.resolve({ ok: false, why: 'on Workers there are no child processes' }),
    },
    slack: { api: fetchSlackClient, door: (deps) => ({ ...slackWebDoor(deps), start: async () => undefined }) },
    open: ({ upstream }): Upstream => fetchUpstream({ url: upstream.kind === 'http' ? upstream.url : '' }),
    place: () => ({ hosts: new Set([new URL(publicUrl).host]), publicUrl }),
  });
  await gate.start();
  await gate.slack?.start();
  return gate;
}
