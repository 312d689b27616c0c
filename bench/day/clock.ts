import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockAhead } from '../../test/support/gateway/other-clock.ts';
import { Pace } from './pace.ts';

/** How the day's time passes. */
export interface DayClock {
  readonly pace: Pace;
  /** What the gateway is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether the day waits until nothing moves, instead of going on meanwhile. */
  readonly waits: boolean;
  /** The day begins now, which is its second 0. */
  begin(): void;
  /** The second of the day. */
  second(): number;
  /** Resolves when it is this second of the day, or later. */
  reach(second: number): Promise<void>;
  close(): void;
}

const HOUR_MS = 3_600_000;

/** An hour of the day takes `hourMs`: durations are shortened alike, and the machine is as slow as it is. */
export function shortenedClock(hourMs: number): DayClock {
  const pace = new Pace(hourMs);
  let began = 0;
  const second = (): number => pace.daySeconds(performance.now() - began);
  return {
    ...{ pace, env: {}, waits: false, second },
    begin: () => {
      began = performance.now();
    },
    reach: (to) => sleep(Math.max(0, pace.ms((to - second()) * 1_000))),
    close: () => undefined,
  };
}

/**
 * The gateway's clock is set ahead, by libfaketime, from one thing that happens to the next; between them it goes as any clock does. No duration is changed.
 * For the embedded database, which has its process's clock.
 */
export function setClock(): DayClock {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-day-clock-'));
  const file = join(folder, 'ahead');
  let [began, ahead] = [0, 0];
  const write = (seconds: number): void => {
    ahead = seconds;
    // In one step: it is read all the time.
    writeFileSync(`${file}.next`, `+${seconds.toFixed(3)}\n`);
    renameSync(`${file}.next`, file);
  };
  write(0);
  const { FAKETIME: _, ...library } = clockAhead(0);
  const second = (): number => (performance.now() - began) / 1_000 + ahead;
  return {
    pace: new Pace(HOUR_MS),
    env: { ...library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1' },
    waits: true,
    second,
    begin: () => {
      began = performance.now();
    },
    reach: async (to) => {
      if (to > second()) write(ahead + to - second());
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
