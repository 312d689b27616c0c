import type { Clock, Log, Store } from '../ports.ts';
import { LEASE_MS, RENEW_MS } from './dispatch.ts';

/** The dispatches under way in this process. One timer renews all of their leases in one query. */
export class Leases {
  readonly #ids = new Set<string>();
  readonly #store: Pick<Store, 'renew'>;
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(store: Pick<Store, 'renew'>, clock: Clock, log: Log) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  get size(): number {
    return this.#ids.size;
  }

  add(id: string): void {
    this.#ids.add(id);
    this.#timer ??= setInterval(() => void this.#renew(), RENEW_MS);
  }

  delete(id: string): void {
    this.#ids.delete(id);
    if (this.#ids.size === 0) this.stop();
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #renew(): Promise<void> {
    try {
      await this.#store.renew([...this.#ids], new Date(this.#clock.now().getTime() + LEASE_MS));
    } catch (error) {
      this.#log.warn({ err: error, dispatches: this.#ids.size }, 'leases could not be renewed');
    }
  }
}
