import { type Clock, type Handlers, type Log, type Queue, Unavailable } from '../ports.ts';
import { within } from '../time/within.ts';
import type { QueueBackend } from './backend.ts';
import { BullWorkers } from './bull-workers.ts';
import { jobIdOf } from './job-id.ts';
import { orderDelivery, publish } from './outbox.ts';
import { park, wake } from './parked.ts';
import { troubleLog } from './trouble-log.ts';

/** Milliseconds after which a backend that does not answer counts as gone. */
const PATIENCE_MS = 1_900;
/** The same for starting. */
const START_MS = 5_000;
/** Ids asked for at once. */
const ASKED_AT_ONCE = 5_000;

const SYSTEM_CLOCK: Clock = { now: () => new Date() };

/** The `Queue` port on BullMQ, over either of its backends. Nothing connects before `start`; what is asked waits for it. */
export function bullQueue<C>(ground: QueueBackend<C>, log: Log, clock: Clock = SYSTEM_CLOCK): Queue {
  const trouble = troubleLog(log, ground.name, ground.describe);
  let woken: (id: string) => void = () => undefined;
  let crew: BullWorkers<C> | null = null;
  const coming = Promise.withResolvers<BullWorkers<C>>();
  coming.promise.catch(() => undefined);
  let state: 'new' | 'started' | 'closed' = 'new';

  const unanswered = (error: unknown): Unavailable =>
    new Unavailable('queue', `${ground.name} does not answer: ${ground.describe(error)}`);

  async function ask<T>(work: (crew: BullWorkers<C>) => Promise<T>): Promise<T> {
    if (state === 'closed') throw new Unavailable('queue', 'The queue is closed.');
    try {
      // A gateway may answer a click before its queue runs: what it has to tell then waits for that.
      return await within(PATIENCE_MS, crew === null ? coming.promise.then(work) : work(crew));
    } catch (error) {
      throw unanswered(error);
    }
  }

  async function start(handlers: Handlers): Promise<void> {
    if (state !== 'new') throw new Error('A queue starts once.');
    state = 'started';
    try {
      await within(START_MS, ground.open());
      const hired = await BullWorkers.hire({ backend: ground, handlers, log, trouble, onCompleted: (id) => woken(id) });
      crew = hired;
      coming.resolve(hired);
      await within(START_MS, hired.start());
    } catch (error) {
      await close();
      throw unanswered(error);
    }
  }

  async function close(): Promise<void> {
    if (state === 'closed') return;
    state = 'closed';
    coming.reject(new Error('it is closed'));
    await (crew?.close() ?? ground.disconnect());
  }

  async function missing(ids: readonly string[]): Promise<readonly string[]> {
    const found: string[] = [];
    for (let at = 0; at < ids.length; at += ASKED_AT_ONCE) {
      const some = ids.slice(at, at + ASKED_AT_ONCE).map(jobIdOf);
      found.push(...(await ask(() => ground.withoutJob(some))));
    }
    return found;
  }

  return {
    start,
    close,
    missing,
    ping: () => ask(() => ground.ping()),
    park: async (id, expiresAt) => {
      const jobId = jobIdOf(id);
      const delayMs = Math.max(0, expiresAt.getTime() - clock.now().getTime());
      await ask(({ parked }) => park(parked, jobId, delayMs));
    },
    wake: async (id) => {
      const jobId = jobIdOf(id);
      await ask(({ parked }) => wake(parked, jobId));
    },
    publish: async (id, delayMs = 0) => {
      const approval = jobIdOf(id);
      await ask(({ outbox }) => publish(outbox, approval, delayMs, clock.now()));
    },
    deliver: () => ask(({ outbox }) => orderDelivery(outbox)),
    onWake: (listener) => {
      woken = listener;
    },
  };
}
