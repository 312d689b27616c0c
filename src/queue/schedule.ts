import type { JobQueue } from './backend.ts';

/** What runs again and again, each time on one replica, and how often, in ms. */
const EVERY_MS = { sweep: 5_000, checkpoint: 30_000 } as const;
export type Routine = keyof typeof EVERY_MS;
const ROUTINES = Object.keys(EVERY_MS) as Routine[];

/** A next run that is this late, in ms, will never come: a flush or a crash took it. */
const LOST_MS = 10_000;

export function isRoutine(name: string): name is Routine {
  return Object.hasOwn(EVERY_MS, name);
}

/** Makes every routine run at its interval. Changes nothing while they all do. */
export async function keepSchedules<C>(parked: JobQueue<C>): Promise<void> {
  for (const routine of ROUTINES) {
    const scheduler = await parked.getJobScheduler(routine);
    const lateMs = scheduler?.next === undefined ? Number.POSITIVE_INFINITY : Date.now() - scheduler.next;
    // Much later than its interval: a process with a wrong clock wrote it.
    if (lateMs < LOST_MS && -lateMs < EVERY_MS[routine] + LOST_MS) continue;
    const opts = { removeOnComplete: true, removeOnFail: true };
    await parked.upsertJobScheduler(routine, { every: EVERY_MS[routine] }, { name: routine, data: {}, opts });
  }
}
