import { clickStorm, parkStorm } from '../test/support/slack/click-storm.ts';
import { stormWorld } from '../test/support/slack/storm-world.ts';

/** A storm of clicks at one replica on Redis and Postgres: how long acknowledgements take. 125 clicks a second. */
export async function showClicks(
  clicks: number,
  say: (what: string, figure: string, goal?: string) => void,
): Promise<void> {
  const world = await stormWorld();
  try {
    const calls = await parkStorm(world.house, world.gateway, { tool: 'create_key', count: clicks });
    const planned = calls.map((call) => ({ call, by: 'U0MIRA' }));
    const made = await clickStorm(world.house, planned, { withinMs: clicks * 8 });
    await Promise.all(calls.map(({ answer }) => answer));
    const ms = made.map(({ reaction }) => reaction.ms).sort((a, b) => a - b);
    const p95 = ms[Math.ceil(ms.length * 0.95) - 1]!;
    const late = made.filter(({ reaction }) => reaction.status !== 200).length;
    say(
      `${clicks} clicks in ${(clicks * 8) / 1_000} s: acknowledgement p95`,
      `${(p95 / 1_000).toFixed(2)} s`,
      `goal ≤ 1  (median ${(ms[ms.length >> 1]! / 1_000).toFixed(2)} s, ${late} later than Slack waits)`,
    );
  } finally {
    await world.close();
  }
}
