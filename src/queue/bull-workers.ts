import type { EventEmitter } from 'node:events';
import { Queue as BullQueue, type IQueueBackend, type JobProgress, QueueEvents, Worker } from 'bullmq';
import type { Clock, Handlers, LaneHealth, Log } from '../ports.ts';
import { pause } from '../time/pause.ts';
import { within } from '../time/within.ts';
import { type JobQueue, OUTBOX, PARKED, type QueueBackend } from './backend.ts';
import { JobAdder } from './job-adder.ts';
import { approvalOfJob } from './job-id.ts';
import { outboxWork } from './outbox.ts';
import { parkedWork } from './parked.ts';
import { Pulse } from './pulse.ts';
import { backOff } from './retry.ts';
import { keepSchedules } from './schedule.ts';
import type { TroubleLog } from './trouble-log.ts';

/** Milliseconds between two checks of connections and schedules. */
const CHECK_MS = 5_000;
/** Milliseconds that orderly closing may take before the sockets are closed. */
const CLOSE_MS = 2_000;
const DISCONNECT_MS = 700;
/** Milliseconds before a loop that ended is started again. */
const RERUN_MS = 1_000;

/**
 * Jobs may run again, because handlers read the store and are idempotent. So a job whose process died is never given
 * up, and is found soon.
 */
const WORKER_OPTIONS = {
  autorun: false,
  maxStalledCount: 1_000_000,
  lockDuration: 15_000,
  stalledInterval: 10_000,
  runRetryDelay: 1_000,
};

export interface BullWorkersTerms<C> {
  readonly backend: QueueBackend<C>;
  readonly handlers: Handlers;
  readonly clock: Clock;
  readonly log: Log;
  readonly trouble: TroubleLog;
  /** Called with the approval of each job of the parked queue that was completed, on whichever replica. */
  readonly onCompleted: (approval: string) => void;
}

type BullWorker<C> = Worker<unknown, void, string, IQueueBackend, JobProgress, C>;
type BullPart<C> = JobQueue<C> | BullWorker<C> | CompletionEvents<C>;

/** Retries a failed read of events after 250 ms. BullMQ's own 5 s are too long to miss completions. */
class CompletionEvents<C> extends QueueEvents<unknown, IQueueBackend, C> {
  protected override checkConnectionError<T>(fn: () => Promise<T>): Promise<T | undefined> {
    return super.checkConnectionError(fn, 250);
  }
}

/** Jobs of the outbox under way at once, cards mostly: as many as share a statement, so that a burst costs few of them. */
export const OUTBOX_AT_ONCE = 50;

/** Everything of BullMQ that one process runs: two queues, a worker for each, and the parked queue's events. */
export class BullWorkers<C> {
  readonly parked: JobQueue<C>;
  readonly outbox: JobQueue<C>;
  /** By which jobs are added to them. */
  readonly adds: { readonly parked: JobAdder<C>; readonly outbox: JobAdder<C> };
  readonly #backend: QueueBackend<C>;
  readonly #clock: Clock;
  readonly #trouble: TroubleLog;
  readonly #workers: BullWorker<C>[];
  readonly #events: CompletionEvents<C>;
  readonly #pulses = { parked: new Pulse(), outbox: new Pulse() };
  readonly #closing = new AbortController();
  #checking: NodeJS.Timeout | undefined;
  #started: Promise<void> | null = null;

  /** Needs an open backend. No completion from now on is missed, not even one between two reads of events. */
  static async create<C>(terms: BullWorkersTerms<C>): Promise<BullWorkers<C>> {
    return new BullWorkers(terms, await terms.backend.lastEventId());
  }

  private constructor(
    { backend, handlers, clock, log, trouble, onCompleted }: BullWorkersTerms<C>,
    lastEventId: string,
  ) {
    const { factory, prefix, queueConnection, workerConnection: connection, eventsBlockMs: blockingTimeout } = backend;
    this.#backend = backend;
    this.#clock = clock;
    this.#trouble = trouble;
    this.parked = new BullQueue(PARKED, { connection: queueConnection, prefix }, factory);
    this.outbox = new BullQueue(OUTBOX, { connection: queueConnection, prefix }, factory);
    this.adds = { parked: new JobAdder(this.parked), outbox: new JobAdder(this.outbox) };
    const options = { ...WORKER_OPTIONS, connection, prefix, settings: { backoffStrategy: backOff } };
    this.#workers = [
      new Worker<unknown, void, string, IQueueBackend, JobProgress, C>(
        PARKED,
        parkedWork(handlers, log),
        { ...options, concurrency: 50 },
        factory,
      ),
      new Worker<unknown, void, string, IQueueBackend, JobProgress, C>(
        OUTBOX,
        outboxWork({ handlers, log, outbox: this.adds.outbox, clock, closing: this.#closing.signal }),
        { ...options, concurrency: OUTBOX_AT_ONCE },
        factory,
      ),
    ];
    const [parkedWorker, outboxWorker] = this.#workers;
    parkedWorker?.on('active', () => this.#pulses.parked.taken());
    outboxWorker?.on('active', () => this.#pulses.outbox.taken());
    this.#events = new CompletionEvents(
      PARKED,
      { connection, prefix, autorun: false, blockingTimeout, lastEventId },
      factory,
    );
    this.#events.on('completed', ({ jobId }) => {
      const approval = approvalOfJob(jobId);
      if (approval !== null) onCompleted(approval);
    });
    // An 'error' event without a listener would end the process.
    for (const part of this.#parts()) (part as EventEmitter).on('error', (error: Error) => trouble.report(error));
  }

  /** Resolves once everything listens. Called again meanwhile, or afterwards, it is the same start. */
  start(): Promise<void> {
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = null;
      throw error;
    });
    return this.#started;
  }

  async #start(): Promise<void> {
    await Promise.all(this.#parts().map((part) => part.waitUntilReady()));
    // A backend that takes no writes now may take them later: what is checked every 5 s makes up for it.
    await keepSchedules(this.parked).catch((error: unknown) => this.#trouble.report(error));
    void this.#keepRunning(() => this.#events.run());
    for (const worker of this.#workers) void this.#keepRunning(() => worker.run());
    this.#checking = setInterval(() => void this.#check(), CHECK_MS);
    this.#checking.unref();
  }

  /** Takes about 3 s at most, even when the backend is gone or a handler does not end. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#checking);
    const closed = Promise.allSettled(this.#parts().map((part) => part.close()));
    await within(CLOSE_MS, closed).catch(() => undefined);
    await within(DISCONNECT_MS, this.#backend.disconnect()).catch(() => undefined);
    // Without sockets whatever still waits for an answer fails, and closing can end.
    await within(DISCONNECT_MS, closed).catch(() => undefined);
  }

  /** How both queues do. Rejects when the backend cannot be asked. */
  async lanes(): Promise<LaneHealth[]> {
    return Promise.all(
      (['parked', 'outbox'] as const).map(async (lane) => {
        const [paused, counts] = await Promise.all([
          this[lane].isPaused(),
          this[lane].getJobCounts('waiting', 'prioritized'),
        ]);
        const due = Object.values(counts).reduce((sum, count) => sum + count, 0);
        return { lane, paused, due, stillMs: this.#pulses[lane].stillMs };
      }),
    );
  }

  #parts(): BullPart<C>[] {
    return [...this.#workers, this.#events, this.parked, this.outbox];
  }

  /** Runs a loop that should end only when we close, and starts it again when it ended earlier. */
  async #keepRunning(loop: () => Promise<void>): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await loop();
      } catch (error) {
        this.#trouble.report(error);
      }
      await pause(RERUN_MS, this.#closing.signal);
    }
  }

  /** What a process with a wrong clock left for a time that is far away. Most of it is run by that process itself. */
  async #fetchStranded(): Promise<void> {
    for (const id of await this.#backend.stranded(this.#clock.now())) {
      await this.outbox
        .getBackend()
        .promote(id)
        .catch(() => undefined);
    }
  }

  async #check(): Promise<void> {
    await this.#backend.checkConnections();
    try {
      await within(CHECK_MS, keepSchedules(this.parked));
      await within(CHECK_MS, this.#fetchStranded());
      await within(
        CHECK_MS,
        Promise.all([this.#pulses.parked.beat(this.parked), this.#pulses.outbox.beat(this.outbox)]),
      );
      this.#trouble.recovered();
    } catch (error) {
      this.#trouble.report(error);
    }
  }
}
