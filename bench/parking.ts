/**
 * What it costs to park many different calls of one grant, 100 at a time, beside the same for a hold in memory.
 * `node bench/parking.ts [calls] [rounds] [folder for CPU profiles]`. Calls of earlier rounds stay parked; each round has a grant of
 * its own, because no grant may have more than 10,000 waiting. While one round is parked, the agents of two earlier ones at
 * most are connected: a process may not have enough sockets for all.
 */
import { startSlackStandIn } from '../src/demo/slack/stand-in.ts';
import { type Held, hold } from './held.ts';
import { median } from './load.ts';
import { cpuSeconds, endInOrder, profiled, Rig, residentKb } from './rig.ts';
import { type BenchStorage, realServers } from './storage.ts';

const AT_ONCE = 100;
/** Milliseconds until the gateway has written down that so many agents hung up. */
const HANGING_UP_MS = 5_000;

/** What one round measured. */
interface ParkingRound {
  readonly ours: number;
  readonly bare: number;
  /** Milliseconds of the gateway's CPU for one call, and KiB of resident memory. */
  readonly cpu: number;
  readonly kb: number;
}

/** Holds `calls` different calls. Returns what is held, and the seconds until each answer had begun. */
async function park(
  url: string,
  headers: Record<string, string>,
  from: number,
  calls: number,
): Promise<{ readonly seconds: number; readonly held: readonly Held[] }> {
  const held: Held[] = [];
  const start = performance.now();
  const one = async (): Promise<void> => {
    while (held.length < calls) {
      const each = hold(url, headers, 'gated', { n: from + held.length });
      held.push(each);
      await each.opened;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return { seconds: (performance.now() - start) / 1_000, held };
}

const TOOLS = 'default: deny\ntools:\n  gated: { action: require_approval }\n';

async function parkRounds(
  storage: BenchStorage,
  calls: number,
  rounds: number,
  profiles: string | undefined,
): Promise<readonly ParkingRound[]> {
  const rig = new Rig();
  const slack = await startSlackStandIn({ rates: 1 });
  try {
    const upstream = await rig.script('upstream.ts');
    const bare = await rig.script('bare-hold.ts', `${upstream.url}/mcp`);
    const env = {
      ...(await storage.env('parking')),
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
    };
    const server = `  up: { url: "${upstream.url}/mcp", policy: policy.yaml }\n`;
    const nodeArgs = profiled(profiles);
    const grants = Array.from({ length: rounds }, (_, round) => `bench-${round}`);
    const gateway = await rig.gatewayOf(server, ['up'], [TOOLS], grants, env, nodeArgs);
    const results: ParkingRound[] = [];
    const all: (readonly Held[])[] = [];
    for (let round = 0; round < rounds; round += 1) {
      if (all.length > 2) {
        for (const one of all.shift()!) one.drop();
        await new Promise((resolve) => setTimeout(resolve, HANGING_UP_MS));
      }
      const other = await park(`${bare.url}/hold`, {}, round * calls, calls);
      for (const one of other.held) one.drop();
      const [cpu, kb] = [cpuSeconds(gateway.pid), residentKb(gateway.pid)];
      const headers = { authorization: `Bearer ${gateway.tokens[grants[round]!]}` };
      const { seconds, held } = await park(`${gateway.url}/mcp/up`, headers, round * calls, calls);
      const used = cpuSeconds(gateway.pid) - cpu;
      results.push({
        ours: seconds,
        bare: other.seconds,
        cpu: (used / calls) * 1_000,
        kb: (residentKb(gateway.pid) - kb) / calls,
      });
      all.push(held);
    }
    if (profiles !== undefined) await endInOrder(gateway.pid);
    for (const one of all.flat()) one.drop();
    return results;
  } finally {
    await rig.close();
    await slack.close();
  }
}

/** Slack takes as many cards as Slack does, so that most of them wait. Needs Redis and Postgres. */
export async function showParking(
  storage: BenchStorage,
  { calls, rounds, profiles }: { readonly calls: number; readonly rounds: number; readonly profiles?: string },
  say: (what: string, figure: string, goal?: string) => void,
): Promise<void> {
  const made = await parkRounds(storage, calls, rounds, profiles);
  const of = (pick: (round: ParkingRound) => number): number => median(made.map(pick));
  const seconds = `(${made.map(({ ours, bare }) => `${ours.toFixed(1)} s of ${bare.toFixed(2)}`).join(', ')})`;
  say(
    `parking ${calls} calls, ${AT_ONCE} at a time`,
    `${of(({ ours, bare }) => ours / bare).toFixed(1)} ×`,
    `goal ≤ 7  ${seconds}`,
  );
  say('CPU of the gateway for one of them', `${of(({ cpu }) => cpu).toFixed(2)} ms`, 'goal ≤ 2');
  say('memory for one of them', `${of(({ kb }) => kb).toFixed(1)} KB`, 'goal ≤ 30');
}

if (process.argv[1] === import.meta.filename) {
  const [calls = '5000', rounds = '3', profiles] = process.argv.slice(2);
  const storage = await realServers();
  const figures = { calls: Number(calls), rounds: Number(rounds), ...(profiles === undefined ? {} : { profiles }) };
  try {
    await showParking(storage, figures, (...words) => console.log(words.join('   ')));
  } finally {
    await storage.close();
  }
}
