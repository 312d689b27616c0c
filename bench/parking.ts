/**
 * What it costs to park many different calls, 100 at a time, beside the same for a hold in memory: time in ratios, and the
 * CPU time of the gateway. `node bench/parking.ts [calls] [rounds] [folder for CPU profiles]`.
 */
import { startSlackStandIn } from '../src/demo/slack/stand-in.ts';
import { type Held, hold } from './held.ts';
import { median } from './load.ts';
import { cpuSeconds, Rig, residentKb } from './rig.ts';
import { realServers } from './storage.ts';

const AT_ONCE = 100;

/** Holds `calls` different calls. Returns what is held, with the seconds until each answer had begun. */
export async function park(
  url: string,
  headers: Record<string, string>,
  calls: number,
  from: number,
): Promise<{ readonly seconds: number; readonly held: readonly Held[] }> {
  const held: Held[] = [];
  const start = performance.now();
  let next = from;
  const one = async (): Promise<void> => {
    while (next < from + calls) {
      const each = hold(url, headers, 'gated', { n: next++ });
      held.push(each);
      await each.opened;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return { seconds: (performance.now() - start) / 1_000, held };
}

export async function showParking(calls: number, rounds: number, profiles: string | undefined): Promise<void> {
  const rig = new Rig();
  const storage = await realServers();
  const slack = await startSlackStandIn({ rates: 1 });
  try {
    const upstream = await rig.script('upstream.ts');
    const bare = await rig.script('bare-hold.ts', `${upstream.url}/mcp`);
    const gateway = await rig.gatewayOf(
      `  up: { url: "${upstream.url}/mcp", policy: policy.yaml }\n`,
      ['up'],
      ['default: deny\ntools:\n  gated: { action: require_approval }\n'],
      ['bench'],
      {
        ...(await storage.env('parking')),
        SLACK_BOT_TOKEN: slack.botToken,
        SLACK_SIGNING_SECRET: slack.signingSecret,
        SLACK_API_URL: slack.apiUrl,
      },
      profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`],
    );
    const headers = { authorization: `Bearer ${gateway.tokens.bench}` };
    const all: Held[] = [];
    const rows: { ratio: number; cpu: number; kb: number; seconds: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const other = await park(`${bare.url}/hold`, {}, calls, round * calls);
      for (const one of other.held) one.drop();
      const [cpu, kb] = [cpuSeconds(gateway.pid), residentKb(gateway.pid)];
      const ours = await park(`${gateway.url}/mcp/up`, headers, calls, round * calls);
      const used = cpuSeconds(gateway.pid) - cpu;
      rows.push({
        ratio: ours.seconds / other.seconds,
        cpu: (used / calls) * 1_000,
        kb: (residentKb(gateway.pid) - kb) / calls,
        seconds: ours.seconds,
      });
      console.log(
        `round ${round + 1}: ${ours.seconds.toFixed(1)} s, bare ${other.seconds.toFixed(2)} s, ${rows.at(-1)!.ratio.toFixed(1)} ×; ` +
          `CPU ${rows.at(-1)!.cpu.toFixed(2)} ms, ${rows.at(-1)!.kb.toFixed(1)} KB a call`,
      );
      all.push(...ours.held);
      await new Promise((resolve) => setTimeout(resolve, 3_000));
    }
    const of = (pick: (row: (typeof rows)[number]) => number): string => median(rows.map(pick)).toFixed(2);
    console.log(`median: ${of((r) => r.ratio)} ×, CPU ${of((r) => r.cpu)} ms, ${of((r) => r.kb)} KB`);
    if (profiles !== undefined) {
      process.kill(gateway.pid, 'SIGINT');
      await ended(gateway.pid);
    }
    for (const one of all) one.drop();
  } finally {
    await rig.close();
    await slack.close();
    await storage.close();
  }
}

/** Waits until the process has written its profile. */
async function ended(pid: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
  }
}

await showParking(Number(process.argv[2] ?? 5_000), Number(process.argv[3] ?? 3), process.argv[4]);
