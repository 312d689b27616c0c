/** Where chaos happens: real Redis and Postgres, two or more gateways, a Slack stand-in, a server that counts calls. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type GatewayProcess, type House, openHouse } from '../support/gateway/program.ts';
import { startPostgres, startRedis, type TestServer } from '../support/store/servers.ts';
import { type CallEnding, type CountingUpstream, countingUpstream } from '../support/upstream/counting.ts';
import type { Dice } from './dice.ts';

/**
 * How many calls a day each agent may make of the gated `burst`, and of `read` and `scan`, which nobody is asked about. Of the
 * last one gateways take quota in advance.
 */
export const MOST = { burst: 6, read: 12, scan: 150 } as const;
/** Tools whose calls nobody is asked about. */
export const UNASKED: ReadonlySet<string> = new Set(['read', 'scan']);
/** Calls of `scan` that an agent makes at once. */
export const SCANNED_AT_ONCE = 20;
/** How many further calls of `create_key` an approver may allow with one. */
export const MOST_ALLOWED = 3;

/** The agents of a town, the settings of its gateways, and how its server behaves. */
export interface Scene {
  /** Names of the agents; each has a grant of its own. */
  readonly agents: readonly string[];
  /** What stands under `approval:`, as flow YAML. */
  readonly approval: string;
  readonly env: Readonly<Record<string, string>>;
  /** How a call ends at the server. */
  readonly ending: (dice: Dice, id: string) => Promise<CallEnding>;
}

/** Milliseconds; so short that approvals end in every way there is. */
export const TIMES = { timeout: 9_000, pickup: 12_000, lease: 6_000, hold: 2_500, longHold: 15_000 } as const;

/** Where everything goes wrong. */
export const STORMY: Scene = {
  agents: ['amber', 'basil', 'cedar'],
  approval:
    `{ timeout: ${TIMES.timeout}ms, pickup: ${TIMES.pickup}ms, max_pending: 12, ` +
    `hold: { default: ${TIMES.hold}ms, progress: ${TIMES.longHold}ms } }`,
  env: { HOLDFAST_LEASE_MS: `${TIMES.lease}` },
  ending: stormyEnding,
};

const POLICY = `version: "1"
default: deny
tools:
  create_key:
    action: require_approval
    risk: write
    reason: Makes a key.
    approval: { allowance: { max_minutes: 1, max_calls: ${MOST_ALLOWED}, may_vary: [args.id] } }
  charge: { action: require_approval, risk: write, approval: { approvers: [security], quorum: 2 } }
  burst:
    action: require_approval
    limits: [{ counter: bursts, window: day, max: ${MOST.burst}, scope: grant }]
  read:
    limits: [{ counter: reads, window: day, max: ${MOST.read}, scope: grant }]
  scan:
    limits: [{ counter: scans, window: day, max: ${MOST.scan}, scope: grant }]
`;

/** One call that really arrived at the server. */
export interface ArrivedCall {
  readonly id: string;
  readonly tool: string;
  readonly agent: string;
  readonly at: number;
}

export interface Town {
  readonly agents: readonly string[];
  readonly house: House;
  readonly redis: TestServer;
  readonly postgres: TestServer;
  readonly upstream: CountingUpstream;
  readonly arrivals: readonly ArrivedCall[];
  /** Gateways that run, as far as is known. */
  readonly live: GatewayProcess[];
  /** Processes that ended although nobody ended them. */
  readonly fallen: string[];
  /** Starts gateways until `count` run; tries again while something they need is gone. */
  fill(count: number): Promise<void>;
  /** Starts one more, in this environment. */
  start(env: Readonly<Record<string, string>>): Promise<void>;
  /** Takes a gateway out of the list and ends it. */
  kill(gateway: GatewayProcess): Promise<void>;
  /** Resolves with its exit code. */
  stop(gateway: GatewayProcess): Promise<number | null>;
  /** The newest gateways' logs, to look for the cause of a break. */
  logs(): string;
  close(): Promise<void>;
}

export async function openTown(dice: Dice, scene: Scene): Promise<Town> {
  const [redis, postgres, upstream] = await Promise.all([startRedis(), startPostgres(), countingUpstream()]);
  const arrivals: ArrivedCall[] = [];
  upstream.behave = (call) => {
    const { id, agent } = call.args as { id: string; agent: string };
    arrivals.push({ id, agent, tool: call.tool, at: Date.now() });
    return scene.ending(dice, id);
  };
  const house = await openHouse({
    servers: { counting: { at: `url: ${upstream.url}`, policy: POLICY } },
    grants: scene.agents,
    approval: scene.approval,
    env: { NODE_ENV: 'test', HOLDFAST_LOG: 'warn', ...scene.env },
    databaseUrl: postgres.url,
    redisUrl: redis.url,
  });
  return townOf({ agents: scene.agents, house, redis, postgres, upstream, arrivals });
}

/** Mostly an answer, early or late; sometimes none. */
async function stormyEnding(dice: Dice, id: string): Promise<CallEnding> {
  const kind = dice.weighted({ soon: 60, late: 15, slow: 4, error: 8, reset: 8, broken: 5 });
  const ms = { soon: 5, late: 400, slow: 9_000, error: 20, reset: 30, broken: 20 }[kind];
  await sleep(ms);
  if (kind === 'reset') return 'reset';
  if (kind === 'broken') return { status: 503 };
  return { text: JSON.stringify({ did: id }), ...(kind === 'error' ? { isError: true } : {}) };
}

function townOf(parts: Pick<Town, 'agents' | 'house' | 'redis' | 'postgres' | 'upstream' | 'arrivals'>): Town {
  const { house, redis, postgres, upstream } = parts;
  const live: GatewayProcess[] = [];
  const fallen: string[] = [];
  const known: GatewayProcess[] = [];
  let closed = false;
  let filling = Promise.resolve();

  async function one(env: Readonly<Record<string, string>> = {}): Promise<void> {
    for (let left = 100; left > 0 && !closed; left -= 1) {
      const gateway = await house.start({ env }).catch(() => null);
      if (gateway === null) {
        await sleep(300);
        continue;
      }
      known.push(gateway);
      live.push(gateway);
      return;
    }
    if (!closed) throw new Error('no gateway starts any more');
  }

  function take(gateway: GatewayProcess): void {
    const at = live.indexOf(gateway);
    if (at >= 0) live.splice(at, 1);
  }

  /** A gateway that is gone without having been taken off the list has fallen. */
  const watch = setInterval(() => {
    for (const gateway of [...live]) {
      try {
        process.kill(gateway.pid, 0);
      } catch {
        take(gateway);
        fallen.push(gateway.log.slice(-2_000));
      }
    }
  }, 250);

  return {
    ...parts,
    live,
    fallen,
    fill: (count) => {
      // One fill at a time: two that count at once would start too many.
      filling = filling.then(async () => {
        await Promise.all(Array.from({ length: Math.max(0, count - live.length) }, () => one()));
      });
      return filling;
    },
    start: (env) => {
      filling = filling.then(() => one(env));
      return filling;
    },
    kill: async (gateway) => {
      take(gateway);
      await gateway.kill();
    },
    stop: async (gateway) => {
      take(gateway);
      return gateway.stop();
    },
    logs: () => known.map((gateway) => `--- ${gateway.url}\n${gateway.log}`).join('\n'),
    close: async () => {
      closed = true;
      clearInterval(watch);
      await house.close();
      await Promise.all([upstream.close(), redis.stop(), postgres.stop()]);
    },
  };
}
