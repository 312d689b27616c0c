/**
 * Loaded into the gateway: writes down what its main thread did between any two turns in which others could have had one.
 * Other load on the machine does not count as work, as it does in what a caller waits; it is told apart.
 *
 * The gateway starts itself again with a clean environment, but with the same words for Node; so where to write is in
 * the address of this module, not in a variable.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const EVERY_MS = 1;
/** Shorter spells are not written down. */
const SHORTEST_MS = 0.5;
/** Turns that a small call takes at most: its request, the server's connection, the server's answer, its own answer, and one. */
const TURNS_OF_A_CALL = 5;

/** From when to when, in milliseconds of the machine's monotonic clock, which CPU profiles use too. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** One stretch between two turns. Times in milliseconds. */
interface Spell extends Stretch {
  /** CPU time of the thread; 0: it is a collection of garbage. */
  readonly cpu: number;
  /** Time for which the thread had work and no CPU. */
  readonly queued: number;
  /** CPU time of the process's other threads: V8's helpers, and those of libuv. */
  readonly helpers: number;
  /** CPU time of this spell and of those right before it, as many as a small call has turns. */
  readonly turns: number;
}

/** What a gateway's main thread did in a stretch. Times in milliseconds. */
export interface OwnWork {
  readonly cpu: number;
  readonly queued: number;
  /** The part of `queued` in which not even our own other threads had a CPU: other processes had them. */
  readonly elsewhere: number;
  /** Time in which V8 stopped the thread to collect garbage. It is part of `cpu`. */
  readonly garbage: number;
  /** CPU time of the longest spell without a turn for others. */
  readonly longest: number;
  /** CPU time of the longest spells in a row, as many as a small call has turns: what it waits at most for our own work. */
  readonly turns: number;
  /** When that spell was. */
  readonly longestWas: Stretch;
}

/** What Node is to be told so that a gateway writes its spells to this file. */
export function spellsTo(file: string): string {
  appendFileSync(file, '');
  return `--import=${import.meta.url}?to=${encodeURIComponent(file)}`;
}

/** What the gateway that writes to `file` did in this stretch, and in spells that reach into it. */
export function workIn(file: string, { from, to }: Stretch): OwnWork {
  let [cpu, queued, helpers, garbage, turns] = [0, 0, 0, 0, 0];
  let longest: Spell = { from, to: from, ...NOTHING };
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const spell = JSON.parse(line) as Spell;
    if (spell.to <= from || spell.from >= to) continue;
    if (spell.cpu === 0) garbage += spell.to - spell.from;
    cpu += spell.cpu;
    queued += spell.queued;
    helpers += spell.helpers;
    turns = Math.max(turns, spell.turns);
    if (spell.cpu > longest.cpu) longest = spell;
  }
  const longestWas = { from: longest.from, to: longest.to };
  const elsewhere = Math.max(0, Math.min(queued - helpers, to - from));
  return { cpu, queued, elsewhere, garbage, turns, longest: longest.cpu, longestWas };
}

export const monotonic = (): number => Number(process.hrtime.bigint()) / 1_000_000;

const NOTHING = { cpu: 0, queued: 0, helpers: 0, turns: 0 };

function used(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** CPU time of all threads but this one, so far. */
function usedByHelpers(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000 - used();
}

/** Milliseconds for which the main thread had work and no CPU, so far. Linux only. */
function queuedSoFar(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1_000_000;
  } catch {
    return 0;
  }
}

function watch(file: string): void {
  const write = (spell: Spell): void => appendFileSync(file, `${JSON.stringify(spell)}\n`);
  const offset = monotonic() - performance.now();
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      write({ from: startTime + offset, to: startTime + offset + duration, ...NOTHING });
  }).observe({ entryTypes: ['gc'] });
  let [cpu, from, queued, helpers] = [used(), monotonic(), queuedSoFar(), usedByHelpers()];
  const last: number[] = [];
  setInterval(() => {
    const [now, to] = [used(), monotonic()];
    // The kernel books CPU time by its ticks, and may book some of the spell before here.
    const spent = Math.min(now - cpu, to - from);
    if (last.push(spent) > TURNS_OF_A_CALL) last.shift();
    // Looked up only where it is asked: in long spells.
    if (spent >= SHORTEST_MS || to - from >= 3 * EVERY_MS) {
      const [after, helped] = [queuedSoFar(), usedByHelpers()];
      const turns = last.reduce((sum, one) => sum + one, 0);
      write({ from, to, cpu: spent, queued: after - queued, helpers: helped - helpers, turns });
      [queued, helpers] = [after, helped];
    }
    [cpu, from] = [used(), monotonic()];
  }, EVERY_MS).unref();
}

const to = new URL(import.meta.url).searchParams.get('to');
if (isMainThread && to !== null) watch(to);
