/**
 * What it costs to relay an allowed call, beside a bare relay in the same run, in turns: time at one connection, calls a second
 * at 64, and the processor's time of the one process against the other's, which other load on the machine hardly changes.
 */
import { type Figures, type LoadTarget, load, median } from './load.ts';
import { cpuSeconds } from './rig.ts';

/** Something that relays, and its process. */
export interface Relaying {
  readonly target: LoadTarget;
  readonly pid: number;
}

/** Ratios of one to the other: medians over the rounds; of `cpu` the sum. */
export interface Compared {
  readonly p50: number;
  readonly p99: number;
  readonly rate: number;
  readonly cpu: number;
  /** Microseconds of the processor for one call: of the first, of the other. */
  readonly cpuUs: readonly [number, number];
  /** The first one's last round. */
  readonly last: Figures;
}

/** V8 still compiles during the first 20,000 calls or so; what is measured is a process that has warmed up. */
export const WARM_UP = 30_000;

/** Both in turn, round by round, so that other load on the machine affects both. */
export async function compare(
  a: Relaying,
  b: Relaying,
  { connections, calls, rounds }: { readonly connections: number; readonly calls: number; readonly rounds: number },
): Promise<Compared> {
  await load(a.target, connections, calls);
  await load(b.target, connections, calls);
  const pairs: [Figures, Figures][] = [];
  const used: [number, number] = [0, 0];
  const timed = async (one: Relaying, nth: 0 | 1): Promise<Figures> => {
    const before = cpuSeconds(one.pid);
    const figures = await load(one.target, connections, calls);
    used[nth] += cpuSeconds(one.pid) - before;
    return figures;
  };
  for (let round = 0; round < rounds; round += 1) pairs.push([await timed(a, 0), await timed(b, 1)]);
  const inUs = (seconds: number): number => (seconds / (calls * rounds)) * 1_000_000;
  return {
    p50: median(pairs.map(([x, y]) => x.p50 / y.p50)),
    p99: median(pairs.map(([x, y]) => x.p99 / y.p99)),
    rate: median(pairs.map(([x, y]) => x.perSecond / y.perSecond)),
    cpu: used[0] / used[1],
    cpuUs: [inUs(used[0]), inUs(used[1])],
    last: pairs.at(-1)![0],
  };
}

/** Kinds of calls: how they are named, what they call with, and what was set as their goal. */
const KINDS = [
  { name: 'open call of 300 B', tool: 'open', args: { pad: 'x'.repeat(200) }, goals: ['1.2', '0.85', '1.2', '2'] },
  { name: 'open call of 16 KB', tool: 'open', args: { pad: 'x'.repeat(16_000) }, goals: ['1.4', '0.70', '1.5'] },
  { name: 'open call, 16 KB answered', tool: 'open', args: { answer: 16_000 }, goals: ['1.4', '0.70', '1.5'] },
  { name: 'call in a limit, 300 B', tool: 'limited', args: { pad: 'x'.repeat(200) }, goals: ['1.5', '0.60'] },
] as const;

/** `at`: the same gateway for each tool. */
export async function showRelayed(
  at: (tool: string) => Relaying,
  bare: Relaying,
  rounds: number,
  say: (what: string, figure: string, goal?: string) => void,
): Promise<void> {
  for (const target of [at('open').target, bare.target]) await load(target, 64, WARM_UP);
  for (const { name, tool, args, goals } of KINDS) {
    const [p50, rate, cpu, p99] = goals as readonly (string | undefined)[];
    const called = ({ target, pid }: Relaying): Relaying => ({ target: { ...target, args }, pid });
    const [ours, theirs] = [called(at(tool)), called(bare)];
    const one = await compare(ours, theirs, { connections: 1, calls: 1_000, rounds });
    const ms = (of: number): string => `${of.toFixed(2)} ms`;
    say(`${name}: one connection, median`, `${one.p50.toFixed(2)} ×`, `${goal('≤', p50)}(${ms(one.last.p50)})`);
    say(`${name}: one connection, p99`, `${one.p99.toFixed(2)} ×`, `${goal('≤', p99)}(${ms(one.last.p99)})`);
    const many = await compare(ours, theirs, { connections: 64, calls: 6_000, rounds });
    const perSecond = `(${many.last.perSecond.toFixed(0)}/s)`;
    say(`${name}: 64 connections, calls a second`, `${many.rate.toFixed(2)} ×`, `${goal('≥', rate)}${perSecond}`);
    const us = `(${many.cpuUs.map((each) => each.toFixed(0)).join(' of ')} µs)`;
    say(`${name}: 64 connections, CPU`, `${many.cpu.toFixed(2)} ×`, `${goal('≤', cpu)}${us}`);
  }
}

function goal(sign: string, most: string | undefined): string {
  return most === undefined ? '' : `goal ${sign} ${most}  `;
}
