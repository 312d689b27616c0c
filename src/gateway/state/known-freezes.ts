import { type Freeze, type FrozenPlace, freezeOver } from '../../domain/freeze/freeze.ts';
import type { Freezes, Log } from '../../ports.ts';

/** Milliseconds between two reads: every replica knows of a freeze within that time and the store's answer. */
const READ_EVERY_MS = 500;

/**
 * The freezes that this process knows of: read again twice a second. What is forwarded without asking the store is
 * stopped by these; what the store has to allow is stopped there, exactly, by the freezes themselves. While the store
 * does not answer, what was known stays known.
 */
export class KnownFreezes {
  readonly #freezes: Pick<Freezes, 'list'>;
  readonly #log: Pick<Log, 'warn'>;
  #known: readonly Freeze[] = [];
  /** How many reads have begun, and the number of the one whose result is known. */
  #begun = 0;
  #result = 0;
  readonly #thawWaiters = new Set<{ readonly place: FrozenPlace; readonly thawed: () => void }>();
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(freezes: Pick<Freezes, 'list'>, log: Pick<Log, 'warn'>) {
    this.#freezes = freezes;
    this.#log = log;
  }

  /** Those in force, oldest first. */
  get list(): readonly Freeze[] {
    return this.#known;
  }

  /** The freeze that stops what this grant sends to this server; null: none is known. */
  over(place: FrozenPlace): Freeze | null {
    return this.#known.length === 0 ? null : freezeOver(this.#known, place);
  }

  /** Reads them again. Rejects with `Unavailable('store')`. Of two reads that overlap, the one begun last counts. */
  async refresh(): Promise<void> {
    this.#begun += 1;
    const begun = this.#begun;
    const known = await this.#freezes.list();
    if (begun < this.#result) return;
    this.#result = begun;
    this.#known = known;
    for (const waiter of [...this.#thawWaiters]) if (this.over(waiter.place) === null) waiter.thawed();
  }

  /** The freeze as the store knows it now; null: it was lifted. Throws `Unavailable('store')`. */
  async lookAgain(place: FrozenPlace): Promise<Freeze | null> {
    await this.refresh();
    return this.over(place);
  }

  /** A signal that aborts once nothing that is known stops this any more. `end` must be called. */
  thaw(place: FrozenPlace): { readonly signal: AbortSignal; readonly end: () => void } {
    const control = new AbortController();
    const waiter = { place, thawed: () => control.abort() };
    this.#thawWaiters.add(waiter);
    if (this.over(place) === null) control.abort();
    return { signal: control.signal, end: () => void this.#thawWaiters.delete(waiter) };
  }

  /** Reads the freezes and keeps reading. Resolves once they are known; until then the gateway admits nobody. */
  async start(): Promise<void> {
    await this.refresh();
    this.#timer = setInterval(() => {
      this.refresh().catch((error) => this.#log.warn({ err: error }, 'the freezes could not be read again'));
    }, READ_EVERY_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
