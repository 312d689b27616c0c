import type { Job } from 'bullmq';
import type { Handlers, Log } from '../ports.ts';
import type { JobQueue } from './bull-workers.ts';
import { approvalOfJob, wakeJobId } from './job-id.ts';
import { RETRIED, retryable } from './outbox.ts';
import { isRoutine, type Routine } from './schedule.ts';

/** Parks until `delayMs` from now. A job that exists is left as it is. */
export async function park<C>(parked: JobQueue<C>, id: string, delayMs: number): Promise<void> {
  await parked.add('parked', {}, { ...RETRIED, jobId: id, delay: delayMs });
}

/** Promotes the parked job. Where there is none that waits (ran, runs, flushed), a ring of its own says the same. */
export async function wake<C>(parked: JobQueue<C>, id: string): Promise<void> {
  try {
    await parked.getBackend().promote(id);
  } catch {
    await parked.add('ring', {}, { ...RETRIED, jobId: wakeJobId(id) });
  }
}

/** Runs the jobs of the parked queue: due approvals, rings and routines. */
export function parkedWork(handlers: Handlers, log: Log): (job: Job) => Promise<void> {
  const running = new Set<Routine>();
  return async (job) => {
    if (!isRoutine(job.name)) {
      const id = approvalOfJob(job.id ?? '');
      if (id !== null) await retryable(() => handlers.due(id), { approval: id, work: 'due' }, log);
      return;
    }
    const routine = job.name;
    // One that takes longer than its interval is not joined by the next.
    if (running.has(routine)) return;
    running.add(routine);
    try {
      await retryable(async () => handlers[routine]?.(), { work: routine }, log);
    } finally {
      running.delete(routine);
    }
  };
}
