/**
 * Loaded into the gateway: writes down every spell in which its main thread used more than some milliseconds of CPU time
 * without letting anybody else have a turn. Other load on the machine does not count, as it does in what a caller waits.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const FILE = 'HOLDFAST_BENCH_SPELLS';
const EVERY_MS = 1;
const SHORTEST_MS = 5;

/** The longest spell that a gateway has written to this file since `since` (ms since 1970), in ms of CPU time. */
export function longestSpell(file: string, since: number): number {
  const spells = readFileSync(file, 'utf8').trim().split('\n');
  const those = spells.map((line) => line.split(' ').map(Number)).filter(([at = 0]) => at >= since);
  return Math.max(0, ...those.map(([, ms = 0]) => ms));
}

/** The settings with which a gateway writes its spells to this file. */
export function spellsTo(file: string): Record<string, string> {
  appendFileSync(file, '');
  return { [FILE]: file };
}

function used(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function watch(file: string): void {
  let before = used();
  setInterval(() => {
    const now = used();
    if (now - before >= SHORTEST_MS) appendFileSync(file, `${Date.now()} ${(now - before).toFixed(1)}\n`);
    before = used();
  }, EVERY_MS).unref();
}

if (isMainThread && process.env[FILE] !== undefined) watch(process.env[FILE]);
