import { DelayedError, type Job } from 'bullmq';
import type { Clock, Handlers, Log } from '../ports.ts';
import { pause } from '../time/pause.ts';
import type { JobAdder } from './job-adder.ts';
import { laterDeduplicationId } from './job-id.ts';
import { PULSE } from './pulse.ts';
import { RETRIED, retryable } from './retry.ts';

/** When a card's job runs. */
interface CardTime {
  /** Until it is ordered. */
  readonly delayMs: number;
  /** Until it runs, once it is ordered. */
  readonly waitMs?: number;
  readonly turn: number;
  readonly now: Date;
}

/**
 * One card job per approval. While it waits, further publishes are the same job, since it reads the newest state when
 * it runs. While it runs, they become one more run after it. While it waits to try again, they do not hurry it, so that
 * it stays away from Slack for as long as Slack asked. With a delay, a job of its own publishes when the time has come.
 *
 * `turn` is the job's priority, so that grants take turns: BullMQ's groups, which would do that by themselves, are not
 * in its open edition.
 *
 * | race | outcome |
 * |---|---|
 * | a turn is asked for while the job waits with another | it keeps the first: a card that was to wait waits, and when it runs it shows the newest state |
 * | up to 50 jobs a replica run already | a first turn waits until one of them is done: a call to Slack, 5 s at most |
 * | Slack asks all of them to wait | when the time has come they run by turn again |
 * | the queue was flushed | the sweep orders every card anew, grants taking turns |
 * | grants with low turns never end | a high turn waits as long: each grant's openings have a rate, so all of them together must exceed what Slack takes |
 */
export async function publish<C>(
  outbox: JobAdder<C>,
  approval: string,
  { delayMs, waitMs = 0, turn, now }: CardTime,
): Promise<void> {
  if (delayMs <= 0) {
    const deduplication = { id: approval, keepLastIfActive: true };
    const delay = waitMs > 0 ? { delay: Math.ceil(waitMs) } : {};
    await outbox.add('card', { approval, turn }, { ...RETRIED, deduplication, priority: turn, ...delay });
    return;
  }
  const second = Math.ceil((now.getTime() + delayMs) / 1_000);
  const deduplication = { id: laterDeduplicationId(approval, second), keepLastIfActive: true };
  await outbox.add('later', { approval, turn }, { ...RETRIED, deduplication, delay: delayMs });
}

/** Milliseconds by which this process's clock may be wrong before its jobs wait in the process. */
const WRONG_MS = 5_000;
/** BullMQ goes by this process's clock: whether others find its delayed jobs in time. */
export function isClockRight({ aheadMs = 0 }: Clock): boolean {
  return Math.abs(aheadMs) <= WRONG_MS;
}

/** Milliseconds that such a job waits in the process at most. */
const LONGEST_HERE_MS = 30_000;

/** The name of the sink's job. Its deduplication id holds a '~', so that it is no approval's. */
const DELIVER = 'deliver';

/**
 * One job for the sink, whoever asks for it. Asked for again while it waits, it is the same job; while it runs, one
 * more after it.
 */
export async function orderDelivery<C>(outbox: JobAdder<C>): Promise<void> {
  const deduplication = { id: `${DELIVER}~`, keepLastIfActive: true };
  await outbox.add(DELIVER, {}, { ...RETRIED, deduplication });
}

interface OutboxTerms<C> {
  readonly handlers: Handlers;
  readonly log: Log;
  readonly outbox: JobAdder<C>;
  readonly clock: Clock;
  /** Aborts when the workers close. */
  readonly closing: AbortSignal;
}

/** Runs the jobs of the outbox. */
export function outboxWork<C>({ handlers, log, outbox, clock, closing }: OutboxTerms<C>) {
  return async (job: Job, token?: string): Promise<void> => {
    const { approval = '', turn = 1 } = job.data as { approval?: string; turn?: number };
    let againMs = await retryable(() => run(job.name, approval, turn), { approval, work: job.name }, log);
    // BullMQ goes by this process's clock. If that is wrong, nobody else would find the job when it is due: it waits here,
    // unless it would take a worker's place for long.
    while (againMs !== null && againMs <= LONGEST_HERE_MS && !isClockRight(clock) && !closing.aborted) {
      await pause(againMs, closing);
      if (closing.aborted) break;
      againMs = await retryable(() => run(job.name, approval, turn), { approval, work: job.name }, log);
    }
    if (againMs === null) return;
    await job.moveToDelayed(Date.now() + Math.max(Math.ceil(againMs), 1), token);
    throw new DelayedError();
  };

  async function run(name: string, approval: string, turn: number): Promise<number | null> {
    switch (name) {
      case 'card':
        return handlers.card(approval, turn);
      case 'later':
        await publish(outbox, approval, { delayMs: 0, turn, now: new Date(0) });
        return null;
      case DELIVER:
        return (await handlers.deliver?.()) ?? null;
      case PULSE:
        return null;
      default:
        throw new Error(`no such work: ${name}`);
    }
  }
}
