import { type Clock, type Handlers, type Log, type Queue, type QueueHealth, Unavailable } from '../ports.ts';
import { pause } from '../time/pause.ts';
import { within } from '../time/within.ts';
import type { QueueBackend } from './backend.ts';
import { BullWorkers } from './bull-workers.ts';
import { healthOf, refusedHealth } from './health.ts';
import { jobIdOf } from './job-id.ts';
import { isClockRight, orderDelivery, publish } from './outbox.ts';
import { park, unpark, wake } from './parked.ts';
import { troubleLog } from './trouble-log.ts';

/** Milliseconds after which a backend that does not answer counts as gone. */
const ANSWER_MS = 1_900;
/** The same while starting. */
const START_MS = 15_000;
/** Milliseconds between two attempts to open a backend that was away. */
const AGAIN_MS = 1_000;
/** Ids asked for in one query. */
const IDS_AT_ONCE = 5_000;

const SYSTEM_CLOCK: Clock = { now: () => new Date() };

/**
 * The `Queue` port on BullMQ, over either backend. Nothing connects before `start`; requests made earlier wait for it.
 */
export function bullQueue<C>(backend: QueueBackend<C>, log: Log, clock: Clock = SYSTEM_CLOCK): Queue {
  const trouble = troubleLog(log, backend.name, backend.describe);
  let onWake: (id: string) => void = () => undefined;
  let workers: BullWorkers<C> | null = null;
  const created = Promise.withResolvers<BullWorkers<C>>();
  created.promise.catch(() => undefined);
  let state: 'new' | 'started' | 'closed' = 'new';
  /** Why it could not be opened, until it is. */
  let away: unknown = null;
  const closing = new AbortController();

  const unavailable = (error: unknown): Unavailable => {
    const refusal = backend.refusal(error);
    const what =
      refusal === null
        ? `${backend.name} does not answer: ${backend.describe(error)}`
        : `${refusal.what}: ${backend.describe(error)}`;
    return new Unavailable('queue', what);
  };

  async function ask<T>(request: (workers: BullWorkers<C>) => Promise<T>): Promise<T> {
    if (state === 'closed') throw new Unavailable('queue', 'The queue is closed.');
    if (workers === null && away !== null) throw unavailable(away);
    try {
      // A gateway may answer a click before its queue has started: its request waits until it has.
      return await within(ANSWER_MS, workers === null ? created.promise.then(request) : request(workers));
    } catch (error) {
      throw state === 'new' ? new Unavailable('queue', 'The queue has not started.') : unavailable(error);
    }
  }

  async function start(handlers: Handlers): Promise<void> {
    if (state !== 'new') throw new Error('A queue starts once.');
    state = 'started';
    try {
      await open(handlers);
    } catch (error) {
      if (backend.mayComeBack(error)) {
        away = error;
        trouble.report(error);
        void openLater(handlers);
        return;
      }
      await close();
      throw unavailable(error);
    }
  }

  async function open(handlers: Handlers): Promise<void> {
    workers ??= await create(handlers);
    await within(START_MS, workers.start());
    away = null;
  }

  async function create(handlers: Handlers): Promise<BullWorkers<C>> {
    await within(START_MS, backend.open());
    const onCompleted = (id: string): void => onWake(id);
    const opened = await within(START_MS, BullWorkers.create({ backend, handlers, clock, log, trouble, onCompleted }));
    if (closing.signal.aborted) {
      await opened.close();
      throw new Error('it is closed');
    }
    created.resolve(opened);
    return opened;
  }

  /** The backend was away when we started: everything goes on without it, until it is there. */
  async function openLater(handlers: Handlers): Promise<void> {
    while (away !== null) {
      await pause(AGAIN_MS, closing.signal);
      if (closing.signal.aborted) return;
      await open(handlers).catch((error: unknown) => {
        away = error;
        trouble.report(error);
      });
    }
  }

  async function close(): Promise<void> {
    if (state === 'closed') return;
    state = 'closed';
    closing.abort();
    created.reject(new Error('it is closed'));
    await (workers?.close() ?? backend.disconnect());
  }

  async function health(): Promise<QueueHealth> {
    const running = workers;
    if (state !== 'started' || running === null) {
      return refusedHealth(away ?? new Error('it does not run'), backend);
    }
    try {
      await within(ANSWER_MS, backend.ping());
      return healthOf(await within(ANSWER_MS, running.lanes()));
    } catch (error) {
      return refusedHealth(error, backend);
    }
  }

  async function missing(ids: readonly string[]): Promise<readonly string[]> {
    const found: string[] = [];
    for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
      const jobIds = ids.slice(at, at + IDS_AT_ONCE).map(jobIdOf);
      found.push(...(await ask(() => backend.withoutJob(jobIds))));
    }
    return found;
  }

  return {
    start,
    close,
    missing,
    health,
    ping: () => ask(() => backend.ping()),
    park: async (id, expiresAt) => {
      const jobId = jobIdOf(id);
      const delayMs = Math.max(0, expiresAt.getTime() - clock.now().getTime());
      await ask(({ adds }) => park(adds.parked, jobId, delayMs));
    },
    wake: async (id) => {
      const jobId = jobIdOf(id);
      await ask(({ parked, adds }) => wake(parked, adds.parked, jobId));
    },
    unpark: async (id) => {
      const jobId = jobIdOf(id);
      await ask(({ parked }) => unpark(parked, jobId));
    },
    publish: async (id, { delayMs = 0, waitMs = 0, turn = 1 } = {}) => {
      const approval = jobIdOf(id);
      await ask(({ adds }) =>
        publish(adds.outbox, approval, { delayMs, waitMs: isClockRight(clock) ? waitMs : 0, turn, now: clock.now() }),
      );
    },
    deliver: () => ask(({ adds }) => orderDelivery(adds.outbox)),
    onWake: (listener) => {
      onWake = listener;
    },
  };
}
