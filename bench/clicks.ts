/**
 * A storm of clicks at one replica on Redis and Postgres, 125 a second: how long acknowledgements take, and what they cost.
 * `node bench/clicks.ts [CLICKS] [folder for CPU profiles]`
 */
import { clickStorm, parkStorm } from '../test/support/slack/click-storm.ts';
import { stormWorld } from '../test/support/slack/storm-world.ts';
import { cpuSeconds, endInOrder } from './rig.ts';

export async function showClicks(
  clicks: number,
  say: (what: string, figure: string, goal?: string) => void,
  profiles?: string,
): Promise<void> {
  const world = await stormWorld(
    profiles === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` },
  );
  try {
    const { pid } = world.gateway;
    const calls = await parkStorm(world.house, world.gateway, { tool: 'create_key', count: clicks });
    const planned = calls.map((call) => ({ call, by: 'U0MIRA' }));
    const before = cpuSeconds(pid);
    const made = await clickStorm(world.house, planned, { withinMs: clicks * 8 });
    await Promise.all(calls.map(({ answer }) => answer));
    const cpu = cpuSeconds(pid) - before;
    const ms = made.map(({ reaction }) => reaction.ms).sort((a, b) => a - b);
    const p95 = ms[Math.ceil(ms.length * 0.95) - 1]!;
    const late = made.filter(({ reaction }) => reaction.status !== 200).length;
    say(
      `${clicks} clicks in ${(clicks * 8) / 1_000} s: acknowledgement p95`,
      `${(p95 / 1_000).toFixed(2)} s`,
      `goal ≤ 1  (median ${(ms[ms.length >> 1]! / 1_000).toFixed(2)} s, ${late} later than Slack waits)`,
    );
    say(
      'CPU of the gateway for one click, until its agent has the answer',
      `${((cpu / clicks) * 1_000).toFixed(2)} ms`,
    );
    if (profiles !== undefined) await endInOrder(pid);
  } finally {
    await world.close();
  }
}

if (process.argv[1] === import.meta.filename) {
  const [clicks = '1000', profiles] = process.argv.slice(2);
  await showClicks(Number(clicks), (what, figure, goal = '') => console.log(`${what}   ${figure}   ${goal}`), profiles);
}
