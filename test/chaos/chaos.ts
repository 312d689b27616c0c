import { setTimeout as sleep } from 'node:timers/promises';
import { Agents, type Told } from './agents.ts';
import { Approvers } from './approvers.ts';
import { cardsAreTrue } from './cards.ts';
import { Dice } from './dice.ts';
import { INVARIANTS } from './invariants.ts';
import { type Evidence, readEvidence } from './record.ts';
import { Storm } from './storm.ts';
import { openTown, type Town } from './town.ts';

export interface Plan {
  readonly seed: number;
  readonly gateways: number;
  /** Calls that each agent has under way at once. */
  readonly lines: number;
  /** Milliseconds of trouble. */
  readonly stormMs: number;
  /** Milliseconds between two troubles: least and most. */
  readonly pauseMs: readonly [number, number];
  /** Milliseconds after the storm within which everything must have ended. */
  readonly quietMs: number;
  readonly say: (line: string) => void;
}

export interface Report {
  /** Names with a number each, in the order in which they are told. */
  readonly table: readonly (readonly [string, number])[];
  /** By invariant; empty when nothing broke. */
  readonly breaks: Readonly<Record<string, readonly string[]>>;
  readonly logs: string;
}

/** Milliseconds after the agents' last word in which cards and chain come to rest. */
const LAST_MS = 12_000;

/** Lets agents, approvers and trouble loose on a town, waits until all is quiet, and compares what everybody saw. */
export async function chaos(plan: Plan): Promise<Report> {
  const dice = new Dice(plan.seed);
  const town = await openTown(dice.fork());
  try {
    await town.fill(plan.gateways);
    const storm = new Storm(town, dice.fork(), plan.gateways);
    const agents = new Agents(town);
    const approvers = new Approvers(town, dice.fork(), storm);
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
    return report(town, storm, agents.told, approvers, evidence, Date.now() - began);
  } finally {
    await town.close();
  }
}

/** The record once nothing moves any more, or as it is when the time is over. */
async function quiet(town: Town, end: number): Promise<Evidence> {
  for (;;) {
    const evidence = await readEvidence(town.postgres.url).catch(() => null);
    const moving =
      evidence === null ||
      evidence.stale > 0 ||
      evidence.approvals.some(({ state }) => ['pending', 'approved', 'dispatched'].includes(state)) ||
      evidence.events.some(({ seq }) => seq === null);
    if (!moving || (Date.now() > end && evidence !== null)) return evidence!;
    await sleep(500);
  }
}

function report(
  town: Town,
  storm: Storm,
  told: readonly Told[],
  approvers: Approvers,
  evidence: Evidence,
  ms: number,
): Report {
  const seen = { evidence, arrivals: town.arrivals, told, recorded: approvers.recorded, clicked: approvers.clicked };
  const all = Object.entries(INVARIANTS).map(([name, holds]) => [name, holds(seen)] as const);
  const breaks = Object.fromEntries(
    [
      ...all,
      ['P4 every card is true', cardsAreTrue(town.house.slack, evidence.approvals)] as const,
      ['no process ends by itself', town.fallen] as const,
    ].filter(([, faults]) => faults.length > 0),
  );
  const states = Map.groupBy(evidence.approvals, ({ state }) => state);
  const heard = Map.groupBy(told, (one) => one.heard);
  const table: [string, number][] = [
    ['seconds', Math.round(ms / 1_000)],
    ['calls made', told.length],
    ['attempts', told.reduce((sum, one) => sum + one.attempts, 0)],
    ['calls that arrived', town.arrivals.length],
    ['approvals', evidence.approvals.length],
    ...[...states].sort().map(([state, of]) => [`  ${state}`, of.length] as [string, number]),
    ['decisions', evidence.approvals.reduce((sum, one) => sum + one.decisions.length, 0)],
    ['agents heard', told.length],
    ...[...heard].sort().map(([words, of]) => [`  ${words}`, of.length] as [string, number]),
    ['events', evidence.events.length],
    ['troubles', [...storm.count.values()].reduce((sum, count) => sum + count, 0)],
    ...[...storm.count].sort().map(([trouble, count]) => [`  ${trouble}`, count] as [string, number]),
    ['invariant breaks', Object.values(breaks).reduce((sum, faults) => sum + faults.length, 0)],
  ];
  return { table, breaks, logs: town.logs() };
}
