import type { EventEmitter } from 'node:events';
import { type IQueueBackend, type JobProgress, Queue as Jobs, QueueEvents, Worker } from 'bullmq';
import type { Handlers, Log } from '../ports.ts';
import { pause } from '../time/pause.ts';
import { within } from '../time/within.ts';
import { OUTBOX, PARKED, type QueueBackend } from './backend.ts';
import { approvalOfJob } from './job-id.ts';
import { backOff, cardWork } from './outbox.ts';
import { parkedWork } from './parked.ts';
import { keepSchedules } from './schedule.ts';
import type { TroubleLog } from './trouble-log.ts';

/** Milliseconds between two looks at connections, doorbell and schedule. */
const TEND_MS = 5_000;
/** Milliseconds that orderly closing may take before the sockets are dropped. */
const CLOSE_MS = 2_000;
const DROP_MS = 700;

/**
 * Jobs may run again: handlers read the store and are idempotent. So a job whose process died is never given up, and
 * found soon.
 */
const WORKING = {
  autorun: false,
  maxStalledCount: 1_000_000,
  lockDuration: 15_000,
  stalledInterval: 10_000,
  runRetryDelay: 1_000,
};

export type JobQueue<C> = Jobs<unknown, unknown, string, unknown, unknown, string, IQueueBackend, C>;

export interface BullWorkersTerms<C> {
  readonly backend: QueueBackend<C>;
  readonly handlers: Handlers;
  readonly log: Log;
  readonly trouble: TroubleLog;
  readonly onCompleted: (id: string) => void;
}

type BullWorker<C> = Worker<unknown, void, string, IQueueBackend, JobProgress, C>;
type BullPart<C> = JobQueue<C> | BullWorker<C> | CompletionEvents<C>;

/** BullMQ retries a failed read only after 5 s: too long to be deaf. */
class CompletionEvents<C> extends QueueEvents<unknown, IQueueBackend, C> {
  protected override checkConnectionError<T>(fn: () => Promise<T>): Promise<T | undefined> {
    return super.checkConnectionError(fn, 250);
  }
}

/** Everything of BullMQ that one process runs: two queues, two workers, one doorbell. */
export class BullWorkers<C> {
  readonly parked: JobQueue<C>;
  readonly outbox: JobQueue<C>;
  readonly #ground: QueueBackend<C>;
  readonly #trouble: TroubleLog;
  readonly #workers: BullWorker<C>[];
  readonly #bell: CompletionEvents<C>;
  readonly #leaving = new AbortController();
  #tending: NodeJS.Timeout | undefined;

  /** The ground is open. From `position` on every completion is heard, also those between two reads. */
  static async hire<C>(hiring: BullWorkersTerms<C>): Promise<BullWorkers<C>> {
    return new BullWorkers(hiring, await hiring.backend.lastEventId());
  }

  private constructor(
    { backend: ground, handlers, log, trouble, onCompleted: woken }: BullWorkersTerms<C>,
    position: string,
  ) {
    const { factory, prefix } = ground;
    const asking = { connection: ground.queueConnection, prefix };
    const working = { ...WORKING, connection: ground.workerConnection, prefix };
    this.#ground = ground;
    this.#trouble = trouble;
    this.parked = new Jobs(PARKED, asking, factory);
    this.outbox = new Jobs(OUTBOX, asking, factory);
    const settings = { backoffStrategy: backOff };
    this.#workers = [
      new Worker<unknown, void, string, IQueueBackend, JobProgress, C>(
        PARKED,
        parkedWork(handlers, log),
        { ...working, settings, concurrency: 50 },
        factory,
      ),
      new Worker<unknown, void, string, IQueueBackend, JobProgress, C>(
        OUTBOX,
        cardWork(handlers, log, this.outbox),
        { ...working, settings, concurrency: 20 },
        factory,
      ),
    ];
    this.#bell = new CompletionEvents(
      PARKED,
      {
        connection: ground.workerConnection,
        prefix,
        autorun: false,
        blockingTimeout: ground.eventsBlockMs,
        lastEventId: position,
      },
      factory,
    );
    this.#bell.on('completed', ({ jobId }) => {
      const id = approvalOfJob(jobId);
      if (id !== null) woken(id);
    });
    // Unheard, an 'error' event would end the process.
    for (const part of this.#parts()) (part as EventEmitter).on('error', (error: Error) => trouble.report(error));
  }

  /** Resolves once everything listens. */
  async start(): Promise<void> {
    await Promise.all(this.#parts().map((part) => part.waitUntilReady()));
    await keepSchedules(this.parked);
    void this.#listen();
    for (const worker of this.#workers) void this.#work(worker);
    this.#tending = setInterval(() => void this.#tend(), TEND_MS);
    this.#tending.unref();
  }

  /** Bounded: about 3 s when the backend is gone or a handler does not end. */
  async close(): Promise<void> {
    this.#leaving.abort();
    clearInterval(this.#tending);
    const closing = Promise.allSettled(this.#parts().map((part) => part.close()));
    await within(CLOSE_MS, closing).catch(() => undefined);
    await within(DROP_MS, this.#ground.disconnect()).catch(() => undefined);
    // What waited for an answer has its refusal now.
    await within(DROP_MS, closing).catch(() => undefined);
  }

  #parts(): BullPart<C>[] {
    return [...this.#workers, this.#bell, this.parked, this.outbox];
  }

  async #listen(): Promise<void> {
    await this.#again(() => this.#bell.run());
  }

  async #work(worker: BullWorker<C>): Promise<void> {
    await this.#again(() => worker.run());
  }

  /** Runs a loop that should end only with us, and again when it ended otherwise. */
  async #again(loop: () => Promise<void>): Promise<void> {
    while (!this.#leaving.signal.aborted) {
      try {
        await loop();
      } catch (error) {
        this.#trouble.report(error);
      }
      await pause(1_000, this.#leaving.signal);
    }
  }

  async #tend(): Promise<void> {
    await this.#ground.checkConnections();
    try {
      await within(TEND_MS, keepSchedules(this.parked));
      this.#trouble.recovered();
    } catch (error) {
      this.#trouble.report(error);
    }
  }
}
