import { DelayedError, type Job } from 'bullmq';
import type { Handlers, Log } from '../ports.ts';
import type { JobQueue } from './backend.ts';
import type { JobAdder } from './job-adder.ts';
import { approvalOfJob, wakeJobId } from './job-id.ts';
import { PULSE } from './pulse.ts';
import { RETRIED, retryable } from './retry.ts';
import { isRoutine, type Routine } from './schedule.ts';

/** The name of a job that waits for its approval's deadline. */
const PARKED_JOB = 'parked';

/** Parks until `delayMs` from now. A job that exists is left as it is. */
export async function park<C>(parked: JobAdder<C>, id: string, delayMs: number): Promise<void> {
  await parked.add(PARKED_JOB, {}, { ...RETRIED, jobId: id, delay: delayMs });
}

/** Promotes the parked job. Where none waits any more (it ran, runs, or was flushed), a new job has the same effect. */
export async function wake<C>(parked: JobQueue<C>, adds: JobAdder<C>, id: string): Promise<void> {
  try {
    await parked.getBackend().promote(id);
  } catch {
    await adds.add('ring', {}, { ...RETRIED, jobId: wakeJobId(id) });
  }
}

/** Takes the parked job away. One that runs just now ends by itself, and finds nothing to do. */
export async function unpark<C>(parked: JobQueue<C>, id: string): Promise<void> {
  await parked.getBackend().remove(id, false);
}

/** Runs the jobs of the parked queue: approvals that are due or woken, and routines. */
export function parkedWork(handlers: Handlers, log: Log): (job: Job, token?: string) => Promise<void> {
  const running = new Set<Routine>();
  return async (job, token) => {
    if (job.name === PULSE) return;
    if (!isRoutine(job.name)) {
      const id = approvalOfJob(job.id ?? '');
      if (id === null) return;
      const leftMs = await retryable(() => handlers.due(id), { approval: id, work: 'due' }, log);
      if (leftMs === null || job.name !== PARKED_JOB) return;
      // By this process's clock, as BullMQ goes by: if that is wrong, the others find the job at another time, and the
      // sweep ends the approval in time.
      await job.moveToDelayed(Date.now() + Math.max(Math.ceil(leftMs), 1), token);
      throw new DelayedError();
    }
    const routine = job.name;
    // A routine that takes longer than its interval does not run twice at once.
    if (running.has(routine)) return;
    running.add(routine);
    try {
      await retryable(async () => handlers[routine]?.(), { work: routine }, log);
    } finally {
      running.delete(routine);
    }
  };
}
