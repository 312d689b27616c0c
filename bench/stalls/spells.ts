/**
 * Loaded into the gateway: writes down every spell in which its main thread used more than some milliseconds of CPU time
 * without letting anybody else have a turn. Other load on the machine does not count, as it does in what a caller waits.
 *
 * The gateway starts itself again with a clean environment, but with the same words for Node; so where to write is in
 * the address of this module, not in a variable.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const EVERY_MS = 1;
const SHORTEST_MS = 5;

/** One stretch of work of a main thread. Times in milliseconds. */
export interface SpellOfWork {
  /** When it ended, since 1970. */
  readonly at: number;
  /** CPU time of the thread. */
  readonly cpu: number;
  /** Time in which V8 stopped the thread to collect garbage. */
  readonly garbage: number;
  /** From when to when, by the clock of CPU profiles. */
  readonly from: number;
  readonly to: number;
}

/** What Node is to be told so that a gateway writes its spells to this file. */
export function spellsTo(file: string): string {
  appendFileSync(file, '');
  return `--import=${import.meta.url}?to=${encodeURIComponent(file)}`;
}

/** The longest spell that a gateway has written to this file since `since` (ms since 1970); null: there was none. */
export function longestSpell(file: string, since: number): SpellOfWork | null {
  let longest: SpellOfWork | null = null;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const spell = JSON.parse(line) as SpellOfWork;
    if (spell.at >= since && spell.cpu > (longest?.cpu ?? 0)) longest = spell;
  }
  return longest;
}

function used(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

const monotonic = (): number => Number(process.hrtime.bigint()) / 1_000_000;

function watch(file: string): void {
  let garbage = 0;
  const collections = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) garbage += duration;
  });
  collections.observe({ entryTypes: ['gc'] });
  let [cpu, from] = [used(), monotonic()];
  setInterval(() => {
    const [now, to] = [used(), monotonic()];
    if (now - cpu >= SHORTEST_MS) {
      for (const { duration } of collections.takeRecords()) garbage += duration;
      const spell: SpellOfWork = { at: Date.now(), cpu: now - cpu, garbage, from, to };
      appendFileSync(file, `${JSON.stringify(spell)}\n`);
    }
    garbage = 0;
    [cpu, from] = [used(), monotonic()];
  }, EVERY_MS).unref();
}

const to = new URL(import.meta.url).searchParams.get('to');
if (isMainThread && to !== null) watch(to);
