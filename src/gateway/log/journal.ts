import type { NewEvent } from '../../domain/log/event.ts';
import type { Log, Store } from '../../ports.ts';
import { withinOr } from '../../time/within.ts';

/** Milliseconds within which an event is durable (P7). */
const DURABLE_MS = 50;
/** Milliseconds of them that nothing is planned for. */
const SPARE_MS = 8;
/** Milliseconds from the first event of a batch to its writing: as many as writes leave of the 50, within these. */
const BATCH_MS = { least: 5, most: 38 } as const;
/** Milliseconds that a write may take before nothing is forwarded until it has ended. */
const PATIENCE_MS = 500;
/** Milliseconds that a call waits for such a write at most; the store gives up before. */
const LONGEST_MS = 4_000;
/** Events that may wait while the log cannot be written, before anything new is refused anyway. */
const MOST_WAITING = 10_000;
/** Events of one write: a statement may hold 65,535 values, and what waited out an outage must still fit. */
const MOST_AT_ONCE = 1_000;

/** An event, or what makes it when it is written: off the way of the call that it is about. */
export type Noted = NewEvent | (() => NewEvent);

/**
 * Events that need not be durable before their effect: verdicts of plainly allowed calls, and refusals. They are
 * written in batches, in order. While a batch cannot be written, `writable` is false and nothing is forwarded (P7);
 * the events wait here and are written first when the log answers again. A log that is slow and has not failed holds calls
 * up for as long as its write takes; one that has failed refuses them at once.
 */
export class Journal {
  readonly #store: Pick<Store, 'append'>;
  readonly #log: Log;
  #waiting: Noted[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #writing: Promise<void> | null = null;
  #writingSince = 0;
  /** One wait, and one timer, for all calls that a slow write holds up. */
  #recovering: Promise<boolean> | null = null;
  /** Milliseconds that the slowest of the last writes took. */
  #slowest = 10;
  #failures = 0;
  #dropped = 0;

  constructor(store: Pick<Store, 'append'>, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** False while the log cannot be written, or does not say whether it can. */
  get writable(): boolean {
    if (this.#failures > 0 || this.#waiting.length >= MOST_WAITING) return false;
    return this.#writing === null || performance.now() - this.#writingSince < PATIENCE_MS;
  }

  /** Whether it can be written, once that is known. */
  recovered(): Promise<boolean> {
    if (this.writable || this.#writing === null || this.#failures > 0) return Promise.resolve(this.writable);
    this.#recovering ??= this.#ended(this.#writing).finally(() => {
      this.#recovering = null;
    });
    return this.#recovering;
  }

  async #ended(writing: Promise<void>): Promise<boolean> {
    await withinOr(Math.max(0, this.#writingSince + LONGEST_MS - performance.now()), writing, undefined);
    return this.writable;
  }

  /** Events that are not written yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Events that were never written, because too many waited already or they could not be made. */
  get dropped(): number {
    return this.#dropped;
  }

  note(event: Noted): void {
    // While nothing can be written, refusals alone could fill the memory: the newest of them are dropped and counted.
    if (this.#waiting.length >= MOST_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(event);
    if (this.#writing === null) this.#timer ??= setTimeout(() => this.#write(), this.#gatheringMs());
  }

  /** Writes what waits. Resolves when it is durable; rejects when it could not be made so. */
  async flush(): Promise<void> {
    await this.#writing;
    for (let before = Infinity; this.#waiting.length > 0 && this.#waiting.length < before; ) {
      before = this.#waiting.length;
      this.#write();
      await this.#writing;
    }
    if (this.#waiting.length > 0) throw new Error(`${this.#waiting.length} events could not be written`);
  }

  /** Stops trying. What could not be written is said, by number. */
  async close(): Promise<void> {
    await this.flush().catch((error: Error) => this.#log.error({ err: error }, 'the journal was closed unwritten'));
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Every batch costs a commit, whatever is in it: they are as large as P7 lets them be. A slow write may come twice. */
  #gatheringMs(): number {
    const left = DURABLE_MS - SPARE_MS - 2 * this.#slowest;
    return Math.min(BATCH_MS.most, Math.max(BATCH_MS.least, left));
  }

  #write(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#writing !== null || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, MOST_AT_ONCE).flatMap((noted) => this.#made(noted));
    this.#writingSince = performance.now();
    this.#writing = this.#store.append(batch).then(
      () => this.#wrote(),
      (error: unknown) => this.#failed(batch, error),
    );
  }

  /** One that cannot be made is a fault of ours: it is said and counted, and takes none of the others along. */
  #made(noted: Noted): NewEvent[] {
    if (typeof noted !== 'function') return [noted];
    try {
      return [noted()];
    } catch (error) {
      this.#dropped += 1;
      this.#log.error({ err: error }, 'an event could not be made');
      return [];
    }
  }

  #wrote(): void {
    this.#writing = null;
    this.#slowest = Math.max(performance.now() - this.#writingSince, this.#slowest * 0.9);
    if (this.#failures > 0) this.#log.info({ dropped: this.#dropped }, 'the audit log can be written again');
    this.#failures = 0;
    if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#write(), 0);
  }

  #failed(batch: NewEvent[], error: unknown): void {
    this.#writing = null;
    this.#waiting = [...batch, ...this.#waiting];
    this.#failures += 1;
    if (this.#failures === 1) this.#log.error({ err: error }, 'the audit log cannot be written; nothing is forwarded');
    this.#timer ??= setTimeout(() => this.#write(), Math.min(1_000, 50 * 2 ** this.#failures));
  }
}
