import { type Freeze, type FrozenPlace, freezeOver } from '../../domain/freeze/freeze.ts';
import { isBefore, type Moment, momentAfter } from '../../domain/policy/part.ts';
import type { Freezes, Log } from '../../ports.ts';
import { momentNow } from '../../time/moment.ts';

/** Milliseconds between two reads: every replica knows of a freeze within that time and the store's answer. */
const READ_EVERY_MS = 500;
/**
 * Milliseconds, from before a read was sent, for which calls within wide limits go by it. So long after a freeze was set no
 * replica counts such a call that does not know of it, however slow its reads are and however long it stood still.
 */
export const FREEZES_GOOD_MS = 800;

/**
 * The freezes that this process knows of: read again twice a second. What is forwarded without asking the store is
 * stopped by these; what the store has to allow is stopped there, exactly, by the freezes themselves. Calls within wide
 * limits go by them while they are good, and else have them read again. While the store does not answer, what was known stays known.
 */
export class KnownFreezes {
  readonly #freezes: Pick<Freezes, 'list'>;
  readonly #log: Pick<Log, 'warn'>;
  readonly #moment: () => Moment;
  #known: readonly Freeze[] = [];
  /** Until when they are as good as read now; null: they were not read yet. */
  #goodUntil: Moment | null = null;
  /** How many reads have begun, and the number of the one whose result is known. */
  #begun = 0;
  #result = 0;
  /** One read for all calls that wait for it. */
  #becoming: Promise<void> | null = null;
  readonly #thawWaiters = new Set<{ readonly place: FrozenPlace; readonly thawed: () => void }>();
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(freezes: Pick<Freezes, 'list'>, log: Pick<Log, 'warn'>, moment: () => Moment = momentNow) {
    this.#freezes = freezes;
    this.#log = log;
    this.#moment = moment;
  }

  /** False: a freeze that was set since the last read may be in force, and was answered for. */
  get isGood(): boolean {
    return this.#goodUntil !== null && isBefore(this.#moment(), this.#goodUntil);
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
    const asked = this.#moment();
    const known = await this.#freezes.list();
    if (begun < this.#result) return;
    this.#result = begun;
    this.#known = known;
    this.#goodUntil = momentAfter(asked, FREEZES_GOOD_MS);
    for (const waiter of [...this.#thawWaiters]) if (this.over(waiter.place) === null) waiter.thawed();
  }

  /** Reads them again for a call that must not go by what is known. Rejects with `Unavailable('store')`. */
  becomeGood(): Promise<void> {
    this.#becoming ??= this.refresh().finally(() => {
      this.#becoming = null;
    });
    return this.#becoming;
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
