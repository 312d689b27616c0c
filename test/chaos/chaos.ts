import { setTimeout as sleep } from 'node:timers/promises';
import { clockAhead } from '../support/gateway/other-clock.ts';
import { Agents } from './agents.ts';
import { TownApprovers } from './approvers.ts';
import { Dice } from './dice.ts';
import { type ChaosReport, quiet, reportOf } from './report.ts';
import { HOUR_S, Storm } from './storm.ts';
import { openTown, STORMY } from './town.ts';

export interface Plan {
  readonly seed: number;
  readonly gateways: number;
  /** Calls that each agent has under way at once. */
  readonly lines: number;
  /** Milliseconds that the trouble lasts. */
  readonly stormMs: number;
  /** Milliseconds between two troubles: least and most. */
  readonly pauseMs: readonly [number, number];
  /** Milliseconds after the storm within which everything must have ended. */
  readonly quietMs: number;
  readonly say: (line: string) => void;
}

/** Milliseconds after the agents have ended in which cards and chain come to rest. */
export const LAST_MS = 12_000;

/** Lets agents, approvers and trouble loose on a town, waits until all is quiet, and compares what everyone saw. */
export async function chaos(plan: Plan): Promise<ChaosReport> {
  const dice = new Dice(plan.seed);
  const town = await openTown(dice.fork(), STORMY);
  try {
    // One of them has a wrong clock from the beginning, until it is killed.
    await town.start(clockAhead(dice.one(0.5) ? HOUR_S : -HOUR_S));
    await town.fill(plan.gateways);
    const storm = new Storm(town, dice.fork(), plan.gateways);
    const agents = new Agents(town);
    const finding = dice.fork();
    const address = () => (town.live.length === 0 ? null : finding.of(town.live).url);
    const approvers = new TownApprovers(town, dice.fork(), { ignored: 0.1, looks: [5, 3], atOnce: 6, address });
    const began = Date.now();
    plan.say(`${plan.gateways} gateways, ${plan.lines * 3} calls at once, ${plan.stormMs / 1_000} s of trouble`);
    const deciding = approvers.run();
    const calling = agents.run(dice.fork(), plan.lines);
    const storming = storm.run(...plan.pauseMs);
    await sleep(plan.stormMs);
    await storm.end();
    await storming;
    plan.say('the storm is over; waiting for what is under way');
    const end = Date.now() + plan.quietMs;
    agents.finish(plan.quietMs);
    await calling;
    approvers.stop();
    await deciding;
    const evidence = await quiet(town, end + LAST_MS);
    const troubles = [...storm.count].sort();
    return reportOf(town, {
      told: agents.told,
      approvers,
      evidence,
      ms: Date.now() - began,
      rows: [
        ['troubles', troubles.reduce((sum, [, count]) => sum + count, 0)],
        ...troubles.map(([trouble, count]) => [`  ${trouble}`, count] as const),
      ],
      faults: {},
    });
  } finally {
    await town.close();
  }
}
