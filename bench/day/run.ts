/**
 * `node bench/day/run.ts [FILE…]`: replays days of calls that policy asks about through the real program, and judges them
 * (docs/day.md). Without a file, `day.json` beside this one. Exit code 0: every day is as it should be; 1: one is not.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseDuration } from '../../src/config/document/duration.ts';
import { realServers } from '../storage.ts';
import { setClock, shortenedClock } from './clock.ts';
import { type Day, readDay } from './day.ts';
import { faultsOf, judge } from './judge.ts';
import { makeDay } from './make-day.ts';
import { hourlyLooks, type Replayed, replay } from './replay.ts';
import { reportText } from './report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** How many other days are made and judged too, from the seeds 1, 2, … */
    made: { type: 'string', default: '0' },
    /** How long an hour of the day takes; without it, the gateway's clock is set ahead from call to call. */
    hour: { type: 'string' },
    /** For how long an allowance is given, at most. */
    allow: { type: 'string', default: '8h' },
    /** How many human actions a day may need. */
    most: { type: 'string', default: '40' },
    /** Redis and Postgres instead of embedded mode. */
    real: { type: 'boolean', default: false },
    /** Tells each look. */
    looks: { type: 'boolean', default: false },
    /** How many days run at a time. */
    together: { type: 'string', default: '1' },
  },
});

function ms(text: string): number {
  const parsed = parseDuration(text);
  if (parsed === null) throw new Error(`${text} is no duration, such as 30s or 8h.`);
  return parsed;
}

const files = positionals.length > 0 ? positionals : [join(import.meta.dirname, 'day.json')];
const days: [string, Day][] = files.map((file) => [file, readDay(file)]);
for (let seed = 1; seed <= Number(values.made); seed += 1) days.push([`seed ${seed}`, makeDay(seed)]);
const storage = values.real ? await realServers() : null;
const options = { looks: hourlyLooks(), allowMinutes: ms(values.allow) / 60_000 };
const hourMs = values.hour === undefined ? null : ms(values.hour);
if (hourMs === null && values.real)
  throw new Error('--real needs --hour, such as 60s: the clock of a database is not set.');

async function one([name, day]: [string, Day], nth: number): Promise<boolean> {
  const env = (await storage?.env(`day_${nth}`)) ?? {};
  const replayed: Replayed = await replay(day, {
    ...options,
    clock: hourMs === null ? setClock() : shortenedClock(hourMs),
    env,
    ...(values.looks ? { say: console.error } : {}),
  });
  const judgement = judge(replayed);
  const faults = faultsOf(judgement, Number(values.most));
  console.log(reportText(name, judgement, replayed.waits, faults));
  return faults.length === 0;
}

// What it started must not outlive it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  console.log(
    `store and queue: ${storage?.name ?? 'embedded'}; ${hourMs === null ? 'the clock is set' : `an hour of the day takes ${values.hour}`}\n`,
  );
  const waiting = [...days.entries()];
  const good: boolean[] = [];
  await Promise.all(
    Array.from({ length: Number(values.together) }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        good.push(await one(next[1], next[0]));
    }),
  );
  process.exitCode = good.every(Boolean) ? 0 : 1;
} finally {
  await storage?.close();
}
