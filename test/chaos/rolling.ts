import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayProcess } from '../support/gateway/program.ts';
import { eventually } from '../support/wait.ts';
import { TownApprovers } from './approvers.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { LAST_MS } from './chaos.ts';
import { Crowd } from './crowd.ts';
import { Dice } from './dice.ts';
import { type ChaosReport, quiet, reportOf } from './report.ts';
import { openTown, type Scene, type Town } from './town.ts';

export interface RollingPlan {
  readonly seed: number;
  readonly gateways: number;
  /** Calls that wait when the first gateway is told to stop. */
  readonly parked: number;
  readonly say: (line: string) => void;
}

/** Milliseconds that a process may take from SIGTERM to its end: 10 s for calls under way, the rest to tidy up. */
const STOP_MS = 20_000;
/** Milliseconds within which every call must have its answer, once all gateways are new. */
const FINISH_MS = 120_000;
/** Approvers look again without end. */
const NO_END = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
/** How many agents keep calling while gateways are replaced. */
const LINES = 6;

/** The only trouble is that gateways are replaced: nobody gives up, and the server always answers. */
function scene(url: string): Scene {
  return {
    agents: Array.from({ length: 10 }, (_, n) => `agent-${n}`),
    approval: '{ timeout: 10m, max_pending: 60, hold: { default: 12s, progress: 60s, leg: 6s, beat: 2s } }',
    env: { HOLDFAST_PUBLIC_URL: url },
    ending: async (dice, id) => {
      await sleep(Number(dice.weighted({ 5: 70, 400: 20, 3000: 10 })));
      return { text: JSON.stringify({ did: id }) };
    },
  };
}

/** Parks calls that wait in every way there is, and replaces each gateway while people decide and new calls come. */
export async function rolling(plan: RollingPlan): Promise<ChaosReport> {
  const dice = new Dice(plan.seed);
  const balancer = await startBalancer();
  const town = await openTown(dice.fork(), scene(balancer.url)).catch(async (error) => {
    await balancer.close();
    throw error;
  });
  try {
    const began = Date.now();
    const first = await add(town, balancer, plan.gateways);
    const crowd = new Crowd(town, balancer.url, dice.fork());
    await crowd.park(plan.parked, () => pending(first[0]!));
    plan.say(`${plan.gateways} gateways, ${plan.parked} calls parked; restarting one after the other`);
    const manners = { ignored: 0, looks: NO_END, atOnce: 2, address: () => balancer.url };
    const approvers = new TownApprovers(town, dice.fork(), manners);
    const deciding = approvers.run();
    const calling = crowd.keepComing(LINES);
    const turns: Turn[] = [];
    for (const old of first) turns.push(await replace(town, balancer, old));
    plan.say('all are new; waiting for what is under way');
    approvers.hurry = true;
    crowd.finish(FINISH_MS);
    await calling;
    approvers.stop();
    await deciding;
    const evidence = await quiet(town, Date.now() + LAST_MS);
    const ended = evidence.approvals.filter(({ state }) => !['succeeded', 'denied'].includes(state));
    return reportOf(town, {
      told: crowd.told,
      approvers,
      evidence,
      ms: Date.now() - began,
      rows: [
        ['gateways replaced', turns.length],
        ...turns.map(({ waiting, ms }, n) => [`  ${n + 1}: ${waiting} waiting, went in ms`, ms] as const),
        ...crowd.byWay(),
      ],
      faults: {
        'P4 no connection broke under a request': balancer.broken,
        'P4 nobody was turned away': crowd.turnedAway,
        'P4 every gateway ended well and in time': turns.flatMap(({ fault }) => fault ?? []),
        'P4 every call came to what people said of it': ended.map(({ id, state, note }) => `${id}: ${state} ${note}`),
        'P4 calls were waiting at the first restart': turns[0]!.waiting > plan.parked / 2 ? [] : ['too few'],
      },
    });
  } finally {
    await town.close();
    await balancer.close();
  }
}

interface Turn {
  /** Approvals that were pending when it was told to stop. */
  readonly waiting: number;
  readonly ms: number;
  readonly fault: string | null;
}

/** Starts a new gateway, sends SIGTERM to the old one, and waits for its end. */
async function replace(town: Town, balancer: Balancer, old: GatewayProcess): Promise<Turn> {
  await add(town, balancer, 1);
  const waiting = await pending(old);
  const began = Date.now();
  const code = await Promise.race([town.stop(old), sleep(STOP_MS, 'late' as const, { ref: false })]);
  balancer.drop(old.url);
  const fault = code === 0 ? null : `${old.url} ended with ${code}: ${old.log.slice(-2_000)}`;
  return { waiting, ms: Date.now() - began, fault };
}

async function add(town: Town, balancer: Balancer, count: number): Promise<GatewayProcess[]> {
  const before = new Set(town.live);
  await town.fill(before.size + count);
  const added = town.live.filter((one) => !before.has(one));
  for (const { url } of added) balancer.add(url);
  return added;
}

async function pending(gateway: GatewayProcess): Promise<number> {
  return eventually('the list', async () => (await gateway.approvals('pending')).length);
}
