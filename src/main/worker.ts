import { DurableObject } from 'cloudflare:workers';
import { sweep } from '../gateway/sweep.ts';
import type { Assembled } from './assemble.ts';
import { type Booted, bootWorker } from './boot-worker.ts';
import type { WorkerEnv } from './workerd/env.ts';

/** The Worker itself only passes a request on to the object that holds the server's calls. */
export default {
  fetch(request: Request, env: WorkerEnv): Promise<Response> {
    return objectFor(env, new URL(request.url)).fetch(request);
  },
  /** Every minute: brings back an object that was evicted while something is parked, and has it sweep. */
  async scheduled(_event: unknown, env: WorkerEnv): Promise<void> {
    await objectFor(env, null).tick();
  },
};

/** The object that holds a server's calls; one object does everything else. Each object has its own counters. */
function objectFor(env: WorkerEnv, url: URL | null): ReturnType<WorkerEnv['GATEWAY']['get']> {
  const sharded = env.HOLDFAST_SHARD === 'server' && url !== null;
  const server = sharded ? /^\/mcp\/([A-Za-z0-9_-]{1,64})$/.exec(url.pathname)?.[1] : undefined;
  const metricsOf = sharded && url.pathname === '/metrics' ? url.searchParams.get('server') : null;
  const name = server ?? metricsOf;
  return env.GATEWAY.get(env.GATEWAY.idFromName(name === null ? 'gateway' : `server ${name}`));
}

/** Milliseconds between two alarms while something is parked; an idle object is evicted after 70 s at the earliest. */
const ALARM_MS = 25_000;

/**
 * The same gateway as on Node, in a Durable Object: that may hold connections, and lives while something waits in it.
 */
export class HoldfastObject extends DurableObject<WorkerEnv> {
  #booting: Promise<Booted> | null = null;
  /** When the last alarm that this object set goes off, in ms since 1970; it may have gone off already. */
  #alarmAt = 0;

  async fetch(request: Request): Promise<Response> {
    // Before anything else: if the caller hangs up, the alarm for what was parked must still be set.
    await this.#stayAwake();
    let assembled: Assembled;
    try {
      assembled = await (isClick(request) ? this.#open() : this.#running());
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      return Response.json({ error: 'unavailable', reason: `The gateway cannot start: ${reason}` }, { status: 503 });
    }
    return assembled.app.fetch(request);
  }

  /** Called by the cron trigger and by alarms: handles what is overdue, not parked or not posted. */
  async tick(): Promise<void> {
    const { gateway } = await this.#running();
    const { trouble } = await gateway.queue.health();
    await sweep(gateway, trouble !== null).catch((error) =>
      gateway.log.warn({ err: error }, 'an alarm could not sweep'),
    );
    if (await somethingWaits(gateway)) await this.#stayAwake();
  }

  async alarm(): Promise<void> {
    await this.tick();
  }

  /** The gateway, as soon as it may take clicks. */
  async #open(): Promise<Assembled> {
    return (await this.#boot()).assembled;
  }

  /** The gateway, once everything runs. */
  async #running(): Promise<Assembled> {
    const { assembled, running } = await this.#boot();
    await running;
    return assembled;
  }

  /** A start that failed is tried again by the next request. */
  #boot(): Promise<Booted> {
    if (this.#booting !== null) return this.#booting;
    const booting = bootWorker(this.env, this.ctx.storage);
    this.#booting = booting;
    booting
      .then(({ running }) => running)
      .catch(() => {
        if (this.#booting === booting) this.#booting = null;
      });
    return booting;
  }

  /**
   * Without an alarm, an object is evicted with its timers even if approvals wait in SQL. Each alarm decides whether
   * another is needed.
   */
  async #stayAwake(): Promise<void> {
    const now = Date.now();
    if (this.#alarmAt > now + ALARM_MS / 2) return;
    this.#alarmAt = now + ALARM_MS;
    await this.ctx.storage.setAlarm(this.#alarmAt);
  }
}

function isClick(request: Request): boolean {
  return new URL(request.url).pathname === '/slack/events';
}

/**
 * Whether a call waits here or an approval is open in SQL; servers' tasks that are followed belong to dispatched
 * approvals.
 */
async function somethingWaits({ waitingRoom, store }: Assembled['gateway']): Promise<boolean> {
  if (waitingRoom.size > 0) return true;
  try {
    const items = await store.glance({ states: ['pending', 'approved', 'dispatched'], limit: 1 });
    return items.length > 0;
  } catch {
    // A store that does not answer may well hold something.
    return true;
  }
}
