/**
 * `node bench/replicas.ts [calls] [rounds] [parked]`: what parked calls and decisions take of gateways, Postgres and Redis
 * with 1, 2 and 3 gateways on one store. CPU is counted by kind of process, for 1,000 calls, so that it hardly depends on
 * what else the machine does; calls a second do, as all share its cores. docs/operations.md makes a model of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SlackMessage } from '../src/demo/slack/state/messages.ts';
import { CHANNEL } from '../test/support/gateway/program.ts';
import { type Held, hold } from './held.ts';
import { median } from './load.ts';
import { type CpuSeconds, type ReplicaWorld, replicaWorld } from './replicas/world.ts';

/** Agents that ask at once, and people who decide at once. */
const AT_ONCE = 50;
const DECISIONS_AT_ONCE = 10;
/** Seconds for which nothing is asked. */
const RESTING_S = 15;
const KINDS = ['gateways', 'postgres', 'redis'] as const;

/** One step of a round. `cpu`: seconds. */
interface Step {
  readonly seconds: number;
  readonly cpu: CpuSeconds;
}

interface Round {
  /** Until each agent's answer had begun. */
  readonly opened: Step;
  /** From then on, until each call had its card. */
  readonly shown: Step;
  /** Decisions over the API, until each agent had its answer. */
  readonly decided: Step;
  /** From then on, until each card said so. */
  readonly updated: Step;
  /** Octets. */
  readonly disk: number;
  readonly wal: number;
}

async function step(world: ReplicaWorld, run: () => Promise<unknown>): Promise<Step> {
  const [before, start] = [await world.cpu(), performance.now()];
  await run();
  const seconds = (performance.now() - start) / 1_000;
  const after = await world.cpu();
  const of = (kind: keyof CpuSeconds): number => after[kind] - before[kind];
  return { seconds, cpu: { gateways: of('gateways'), postgres: of('postgres'), redis: of('redis') } };
}

/** Runs `each` for every item, `atOnce` at a time. */
async function inTurn<T>(items: readonly T[], atOnce: number, each: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  const one = async (): Promise<void> => {
    for (const item of left) await each(item);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

let numbers = 0;

/** Has that many calls held, by all gateways in turn. */
async function parkedBy(world: ReplicaWorld, calls: number): Promise<readonly Held[]> {
  const held: Held[] = [];
  const headers = { authorization: `Bearer ${world.token}` };
  await inTurn(Array.from({ length: calls }), AT_ONCE, () => {
    const { url } = world.gateways[held.length % world.gateways.length]!;
    numbers += 1;
    const one = hold(`${url}/mcp/tools`, headers, 'create_key', { n: numbers, name: 'ci-deploy', role: 'viewer' });
    held.push(one);
    return one.opened;
  });
  return held;
}

const approvalOf = ({ metadata }: SlackMessage): string => /ap_[0-9a-z]+/.exec(JSON.stringify(metadata))![0];

const cardsOf = (world: ReplicaWorld): readonly SlackMessage[] => world.slack.messages(CHANNEL);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(100);
}

async function roundOf(world: ReplicaWorld, calls: number): Promise<Round> {
  const [before, octets] = [new Set(cardsOf(world).map(({ ts }) => ts)), await world.octets()];
  let held: readonly Held[] = [];
  const opened = await step(world, async () => {
    held = await parkedBy(world, calls);
  });
  const shown = await step(world, () => until(() => cardsOf(world).length >= before.size + calls));
  const mine = cardsOf(world).filter(({ ts }) => !before.has(ts));
  let decisions = 0;
  const decided = await step(world, async () => {
    await inTurn(mine, DECISIONS_AT_ONCE, async (card) => {
      decisions += 1;
      await world.approve(approvalOf(card), world.gateways[decisions % world.gateways.length]!);
    });
    await Promise.all(held.map(({ answered }) => answered));
  });
  const waiting = new Set(mine.map(({ ts }) => ts));
  const updated = await step(world, () =>
    until(() => {
      for (const card of cardsOf(world))
        if (waiting.has(card.ts) && !JSON.stringify(card.blocks).includes('"approve"')) waiting.delete(card.ts);
      return waiting.size === 0;
    }),
  );
  const now = await world.octets();
  return { opened, shown, decided, updated, disk: now.disk - octets.disk, wal: now.wal - octets.wal };
}

/** What the step took beyond what the same processes take while nothing is asked. */
function beyond(one: Step, resting: Step, kind: keyof CpuSeconds): number {
  return Math.max(0, one.cpu[kind] - (resting.cpu[kind] / resting.seconds) * one.seconds);
}

function show(calls: number, rounds: readonly Round[], resting: Step): void {
  for (const name of ['opened', 'shown', 'decided', 'updated'] as const) {
    const of = (kind: keyof CpuSeconds): string =>
      `${kind} ${(median(rounds.map((round) => beyond(round[name], resting, kind))) * (1_000 / calls)).toFixed(2)}`;
    const rate = median(rounds.map((round) => calls / round[name].seconds));
    console.log(
      `  ${name.padEnd(8)} CPU seconds for 1,000:   ${KINDS.map(of).join('   ')}   (${rate.toFixed(0)} a second)`,
    );
  }
  const octets = (kind: 'disk' | 'wal'): string => (median(rounds.map((one) => one[kind])) / calls / 1024).toFixed(1);
  console.log(`  SQL's disk for one: ${octets('disk')} KiB, write-ahead log ${octets('wal')} KiB`);
}

/** What `parked` calls cost that nobody decides: memory, and CPU while nothing is asked. */
async function rest(world: ReplicaWorld, parked: number, empty: Step): Promise<void> {
  const before = await world.memory();
  const cards = cardsOf(world).length;
  const held = await parkedBy(world, parked);
  await until(() => cardsOf(world).length >= cards + parked);
  await sleep(5_000);
  const resting = await step(world, () => sleep(RESTING_S * 1_000));
  const after = await world.memory();
  const percent = (one: Step, kind: keyof CpuSeconds): string => ((one.cpu[kind] / one.seconds) * 100).toFixed(1);
  for (const kind of KINDS) {
    const kb = (after[kind] - before[kind]) / parked / 1024;
    const cpu = `${percent(resting, kind)} % of a core, with none parked ${percent(empty, kind)} %`;
    const mb = (after[kind] / 1024 / 1024).toFixed(0);
    console.log(`  ${parked} parked: ${kind.padEnd(8)} ${cpu}; ${kb.toFixed(1)} KiB for one, ${mb} MiB in all`);
  }
  for (const one of held) one.drop();
}

const [calls = 1_000, rounds = 3, parked = 3_000] = process.argv.slice(2).map(Number);
for (const replicas of [1, 2, 3]) {
  const world = await replicaWorld(replicas);
  try {
    // V8 still compiles during the first calls.
    await roundOf(world, calls);
    await sleep(5_000);
    const empty = await step(world, () => sleep(RESTING_S * 1_000));
    const made: Round[] = [];
    for (let n = 0; n < rounds; n += 1) made.push(await roundOf(world, calls));
    console.log(`${replicas} ${replicas === 1 ? 'replica' : 'replicas'}, ${calls} calls, median of ${rounds} rounds`);
    show(calls, made, empty);
    await rest(world, parked, empty);
  } finally {
    await world.close();
  }
}
