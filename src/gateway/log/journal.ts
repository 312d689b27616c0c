import type { NewEvent } from '../../domain/log/event.ts';
import type { Log, Store } from '../../ports.ts';
import { withinOr } from '../../time/within.ts';

/** Milliseconds within which an event is durable (P7). */
const DURABLE_MS = 50;
/** Milliseconds of these that are kept in reserve. */
const SPARE_MS = 8;
/** Bounds in ms for the time from a batch's first event to its write: what writes leave of the 50 ms, within these. */
const BATCH_MS = { least: 5, most: 38 } as const;
/** Milliseconds that a write may take; from then on nothing is forwarded until it has ended. */
const PATIENCE_MS = 500;
/** Longest time in ms that a call waits for such a write; the store gives up earlier. */
const LONGEST_MS = 4_000;
/** How many events may wait while the log cannot be written; beyond this, nothing is forwarded. */
const MAX_WAITING_EVENTS = 10_000;
/** Events in one write: a statement may hold 65,535 values, and what waited during an outage must still fit. */
const MAX_BATCH = 1_000;

/** An event, or a function that builds it when it is written, so that the call it is about need not wait for that. */
export type Noted = NewEvent | (() => NewEvent);

/**
 * Events that need not be durable before their effect: verdicts of plainly allowed calls, and refusals. They are
 * written in batches, in order. While a batch cannot be written, `writable` is false and nothing is forwarded (P7);
 * the events wait here and are written first when the log answers again. A slow log delays calls for as long as its
 * write takes; a log that has failed refuses them at once.
 */
export class Journal {
  readonly #store: Pick<Store, 'append'>;
  readonly #log: Log;
  #waiting: Noted[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #writing: Promise<void> | null = null;
  #writingSince = 0;
  /** One wait, with one timer, for all calls that a slow write delays. */
  #recovering: Promise<boolean> | null = null;
  /** Milliseconds that the slowest of the recent writes took. */
  #slowestMs = 10;
  #failures = 0;
  #dropped = 0;

  constructor(store: Pick<Store, 'append'>, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** False while the log cannot be written, or it is not known whether it can. */
  get writable(): boolean {
    if (this.#failures > 0 || this.#waiting.length >= MAX_WAITING_EVENTS) return false;
    return this.#writing === null || performance.now() - this.#writingSince < PATIENCE_MS;
  }

  /** Resolves once it is known whether the log can be written; within 4 s. */
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

  /** How many events are not written yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** How many events were never written, because too many waited already or they could not be built. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Takes an event to be written within 50 ms. While the log cannot be written it may be dropped, and is then counted.
   */
  note(event: Noted): void {
    // While nothing can be written, refusals alone could fill the memory: the newest are dropped.
    if (this.#waiting.length >= MAX_WAITING_EVENTS) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(event);
    if (this.#writing === null) this.#timer ??= setTimeout(() => this.#write(), this.#gatheringMs());
  }

  /** Writes what waits. Resolves when all of it is durable; rejects when it could not be written. */
  async flush(): Promise<void> {
    await this.#writing;
    for (let before = Infinity; this.#waiting.length > 0 && this.#waiting.length < before; ) {
      before = this.#waiting.length;
      this.#write();
      await this.#writing;
    }
    if (this.#waiting.length > 0) throw new Error(`${this.#waiting.length} events could not be written`);
  }

  /** Writes what waits and stops. Logs how many events could not be written; never rejects. */
  async close(): Promise<void> {
    await this.flush().catch((error: Error) => this.#log.error({ err: error }, 'the journal was closed unwritten'));
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Each batch costs one commit, so batches gather for as long as P7 allows, with room for two slow writes. */
  #gatheringMs(): number {
    const left = DURABLE_MS - SPARE_MS - 2 * this.#slowestMs;
    return Math.min(BATCH_MS.most, Math.max(BATCH_MS.least, left));
  }

  #write(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#writing !== null || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, MAX_BATCH).flatMap((noted) => this.#build(noted));
    this.#writingSince = performance.now();
    this.#writing = this.#store.append(batch).then(
      () => this.#wrote(),
      (error: unknown) => this.#failed(batch, error),
    );
  }

  /**
   * An event that cannot be built is our own fault: it is logged and counted, and the other events are still written.
   */
  #build(noted: Noted): NewEvent[] {
    if (typeof noted !== 'function') return [noted];
    try {
      return [noted()];
    } catch (error) {
      this.#dropped += 1;
      this.#log.error({ err: error }, 'an event could not be built');
      return [];
    }
  }

  #wrote(): void {
    this.#writing = null;
    this.#slowestMs = Math.max(performance.now() - this.#writingSince, this.#slowestMs * 0.9);
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
