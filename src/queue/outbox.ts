import { DelayedError, type Job } from 'bullmq';
import type { Handlers, Log } from '../ports.ts';
import type { JobQueue } from './bull-workers.ts';
import { laterDeduplicationId } from './job-id.ts';

/** Retried until it succeeds; kept nowhere afterwards, because a kept id would swallow the next job. */
export const RETRIED = {
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 1_000_000_000,
  backoff: { type: 'patient' },
};

/** Milliseconds before the next attempt: 1 s, doubling to 60 s. */
export function backOff(attempts: number): number {
  return Math.min(60_000, 1_000 * 2 ** Math.min(attempts - 1, 6));
}

/**
 * One card job an approval. While it waits, further publishes are the same job, since it reads the newest state when it
 * runs; while it runs, they become one more run after it; while it waits to try again, it keeps to its time, so that
 * Slack's wish to be left alone is honoured. With a delay, a job of its own publishes when the time has come.
 */
export async function publish<C>(outbox: JobQueue<C>, approval: string, delayMs: number, now: Date): Promise<void> {
  if (delayMs <= 0) {
    const deduplication = { id: approval, keepLastIfActive: true };
    await outbox.add('card', { approval }, { ...RETRIED, deduplication });
    return;
  }
  const second = Math.ceil((now.getTime() + delayMs) / 1_000);
  const deduplication = { id: laterDeduplicationId(approval, second), keepLastIfActive: true };
  await outbox.add('later', { approval }, { ...RETRIED, deduplication, delay: delayMs });
}

/** The sink's job. Its deduplication id has a mark, so that no approval's can be it. */
const DELIVER = 'deliver';

/** One job for the sink, whoever orders it: while it waits it is the same job, while it runs it is one more after it. */
export async function orderDelivery<C>(outbox: JobQueue<C>): Promise<void> {
  const deduplication = { id: `${DELIVER}~`, keepLastIfActive: true };
  await outbox.add(DELIVER, {}, { ...RETRIED, deduplication });
}

/** Runs the jobs of the outbox. */
export function cardWork<C>(
  handlers: Handlers,
  log: Log,
  outbox: JobQueue<C>,
): (job: Job, token?: string) => Promise<void> {
  return async (job, token) => {
    const { approval = '' } = job.data as { approval?: string };
    const again = await retryable(() => run(job.name, approval), { approval, work: job.name }, log);
    if (again === null) return;
    await job.moveToDelayed(Date.now() + Math.max(again, 1), token);
    throw new DelayedError();
  };

  async function run(name: string, approval: string): Promise<number | null> {
    switch (name) {
      case 'card':
        return handlers.card(approval);
      case 'later':
        await publish(outbox, approval, 0, new Date(0));
        return null;
      case DELIVER:
        return (await handlers.deliver?.()) ?? null;
      default:
        throw new Error(`no such work: ${name}`);
    }
  }
}

/** What a handler throws goes to the log and not into the queue: the queue is no place for foreign words. */
export async function retryable<T>(work: () => Promise<T>, about: object, log: Log): Promise<T> {
  try {
    return await work();
  } catch (error) {
    log.warn({ ...about, why: error instanceof Error ? error.message : String(error) }, 'a job failed; it comes again');
    const failed = new Error('failed; see the log');
    failed.stack = '';
    throw failed;
  }
}
