import type { JobQueue } from './crew.ts';

export const SWEEP = 'sweep';
/** Milliseconds from sweep to sweep, over all replicas. */
const EVERY_MS = 5_000;
/** A next sweep that is this late, in ms, is not coming: a flush or a crash took it. */
const LOST_MS = 15_000;

/** Has the sweep run every 5 s on one replica. Changes nothing while it does. */
export async function keepSweeping<C>(parked: JobQueue<C>): Promise<void> {
  const scheduler = await parked.getJobScheduler(SWEEP);
  if (scheduler?.next !== undefined && scheduler.next > Date.now() - LOST_MS) return;
  const opts = { removeOnComplete: true, removeOnFail: true };
  await parked.upsertJobScheduler(SWEEP, { every: EVERY_MS }, { name: SWEEP, data: {}, opts });
}
