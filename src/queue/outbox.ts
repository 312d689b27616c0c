import { DelayedError, type Job } from 'bullmq';
import type { Handlers, Log } from '../ports.ts';
import type { JobQueue } from './backend.ts';
import { laterDeduplicationId } from './job-id.ts';
import { RETRIED, retryable } from './retry.ts';

/**
 * One card job per approval. While it waits, further publishes are the same job, since it reads the newest state when
 * it runs. While it runs, they become one more run after it. While it waits to try again, they do not hurry it, so that
 * it stays away from Slack for as long as Slack asked. With a delay, a job of its own publishes when the time has come.
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

/** The name of the sink's job. Its deduplication id holds a '~', so that it is no approval's. */
const DELIVER = 'deliver';

/**
 * One job for the sink, whoever asks for it. Asked for again while it waits, it is the same job; while it runs, one
 * more after it.
 */
export async function orderDelivery<C>(outbox: JobQueue<C>): Promise<void> {
  const deduplication = { id: `${DELIVER}~`, keepLastIfActive: true };
  await outbox.add(DELIVER, {}, { ...RETRIED, deduplication });
}

/** Runs the jobs of the outbox. */
export function outboxWork<C>(
  handlers: Handlers,
  log: Log,
  outbox: JobQueue<C>,
): (job: Job, token?: string) => Promise<void> {
  return async (job, token) => {
    const { approval = '' } = job.data as { approval?: string };
    const againMs = await retryable(() => run(job.name, approval), { approval, work: job.name }, log);
    if (againMs === null) return;
    await job.moveToDelayed(Date.now() + Math.max(againMs, 1), token);
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
