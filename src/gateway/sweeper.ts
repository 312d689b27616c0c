import type { QueueHealth } from '../ports.ts';
import { withinOr } from '../time/within.ts';
import type { Gateway } from './gateway.ts';
import { type SweptGateway, sweep } from './sweep.ts';

/** Milliseconds between two sweeps. */
const SWEEP_MS = 5_000;
/** Milliseconds for which the replica that sweeps keeps others from it; less than the period, or one would be missed. */
const LEASE_MS = 4_000;
/** Milliseconds that a sweep may take to end when the process stops. */
const STOP_MS = 3_000;
/** Among the notices of the store, of which each is claimed by one replica at a time. */
const LEASE = 'sweep';

/**
 * Sweeps every 5 s, on one replica at a time, by a timer of this process: the queue may stand still (paused, out of
 * memory, read-only, its workers stuck, or away), and then an approval has to end in time all the same. The queue's own
 * schedule may ask too; whoever has the lease sweeps. Says in the log when the queue stands still, and when it works
 * again.
 */
export class Sweeper {
  readonly #gateway: SweptGateway & Pick<Gateway, 'log'>;
  #timer: ReturnType<typeof setInterval> | null = null;
  #running: Promise<void> | null = null;
  /** What was last said of the queue; null: that it works, or nothing. */
  #told: string | null = null;

  constructor(gateway: SweptGateway & Pick<Gateway, 'log'>) {
    this.#gateway = gateway;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.run().catch((error) => this.#failed(error)), SWEEP_MS);
  }

  /** Resolves when a sweep under way, and what it began, has ended; after 6 s at the latest. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    await withinOr(STOP_MS, this.#running?.catch(() => undefined) ?? Promise.resolve(), undefined);
    await this.#gateway.unqueued.settled();
  }

  /** Sweeps, unless a replica just has. Called again meanwhile it is the same sweep. Rejects when the store is away. */
  run(): Promise<void> {
    this.#running ??= this.#sweep().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #sweep(): Promise<void> {
    const { queue, store } = this.#gateway;
    const health = await queue.health();
    this.#tell(health);
    if (await store.claimNotice(LEASE, LEASE_MS)) await sweep(this.#gateway, health.trouble !== null);
  }

  #tell({ trouble }: QueueHealth): void {
    const { log } = this.#gateway;
    // One trouble may turn into another, while its seconds only grow.
    const told = trouble?.what.replaceAll(/\d+/g, '') ?? null;
    if (told === this.#told) return;
    this.#told = told;
    if (trouble === null) log.info({}, 'the queue does its work again');
    else log.error({ what: trouble.what, remedy: trouble.remedy }, 'the queue does not do its work');
  }

  #failed(error: unknown): void {
    this.#gateway.log.warn({ err: error }, 'a sweep failed; the next one comes in 5 s');
  }
}
