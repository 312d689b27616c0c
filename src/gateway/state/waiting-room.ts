import type { Approval } from '../../domain/approval/approval.ts';
import type { Clock, Log, Store } from '../../ports.ts';

/** Milliseconds between two reads of everything that is held here: the most that a lost wake-up can cost. */
const RE_READ_MS = 2_000;
/** Milliseconds between two checks of the deadlines. */
const TICK_MS = 100;

/** Why a wait ended without a newer revision. `alarm`: the approval was found to be wrong. */
type WaitEnd = 'timeout' | 'gone' | 'alarm';

interface Waiter {
  readonly id: string;
  readonly revision: number;
  /** By the steady clock, in ms: how long it waits, whatever the database's clock does meanwhile. */
  readonly until: number;
  readonly settle: (end: Approval | WaitEnd) => void;
  /** Removes the listener from the caller's abort signal. */
  readonly unlisten: () => void;
}

/**
 * Everybody who waits in this process for an approval to change. A waiter is an entry in a map, without a timer, a
 * connection or a query of its own. Any one of three sources wakes it: this process's own commits, the queue, and one
 * query every 2 s for everything that is held.
 */
export class WaitingRoom {
  /** By approval. Arrays, not sets: nearly always there is one waiter, and a set of one takes much more memory. */
  readonly #waiters = new Map<string, Waiter[]>();
  /** Approvals that changed in this turn of the event loop and are to be read. */
  readonly #toRead = new Set<string>();
  readonly #store: Pick<Store, 'changed' | 'beat'>;
  readonly #clock: Clock;
  readonly #steady: Clock;
  readonly #log: Log;
  readonly #replica: string;
  #timer: ReturnType<typeof setInterval> | null = null;
  #listener: ((id: string) => void) | null = null;
  /** No waiter's deadline is earlier, so until then none has to be checked. */
  #earliest = Number.POSITIVE_INFINITY;
  #lastReadAt = Number.NEGATIVE_INFINITY;
  #reading = false;

  constructor(
    store: Pick<Store, 'changed' | 'beat'>,
    { clock, steady }: { readonly clock: Clock; readonly steady: Clock },
    log: Log,
    replica: string,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#steady = steady;
    this.#log = log;
    this.#replica = replica;
  }

  /** Sets the one listener for every change, here or elsewhere, whether or not somebody waits for it. */
  onChange(listener: (id: string) => void): void {
    this.#listener = listener;
  }

  /** How many callers wait here. */
  get size(): number {
    let size = 0;
    for (const waiters of this.#waiters.values()) size += waiters.length;
    return size;
  }

  /** The approvals that callers wait for here. */
  ids(): string[] {
    return [...this.#waiters.keys()];
  }

  /** False before `start` and after `stop`: then every wait ends at once. */
  get open(): boolean {
    return this.#timer !== null;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  /** Ends every wait with `timeout`, which a caller turns into the pending result. */
  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    for (const waiter of [...this.#all()]) this.#end(waiter, 'timeout');
  }

  /**
   * Resolves with the approval once its revision is higher than `revision`, with `timeout` at `until`, with `gone` when
   * the signal aborts because the caller is gone, or with `alarm`.
   */
  wait(id: string, revision: number, until: Date, signal?: AbortSignal): Promise<Approval | WaitEnd> {
    return new Promise((resolve) => {
      const gone = (): void => this.#end(waiter, 'gone');
      const unlisten = (): void => signal?.removeEventListener('abort', gone);
      const forMs = until.getTime() - this.#clock.now().getTime();
      const waiter: Waiter = { id, revision, until: this.#now() + forMs, settle: resolve, unlisten };
      this.#earliest = Math.min(this.#earliest, waiter.until);
      const others = this.#waiters.get(id);
      if (others === undefined) this.#waiters.set(id, [waiter]);
      else others.push(waiter);
      if (this.#timer === null || signal?.aborted) this.#end(waiter, signal?.aborted ? 'gone' : 'timeout');
      else signal?.addEventListener('abort', gone, { once: true });
    });
  }

  /** This process committed a change: wakes who waits for it here, and returns how many did. */
  wakeHere(approval: Approval): number {
    this.#listener?.(approval.id);
    const woken = (this.#waiters.get(approval.id) ?? []).filter(({ revision }) => approval.revision > revision);
    for (const waiter of woken) this.#end(waiter, approval);
    return woken.length;
  }

  /** It is not what it was: whoever waits for it here looks again, whatever its revision says. */
  alarm(id: string): void {
    this.#listener?.(id);
    for (const waiter of this.#waiters.get(id) ?? []) this.#end(waiter, 'alarm');
  }

  /** Some process changed it: reads it if somebody waits for it here, with one query per turn of the event loop. */
  wake(id: string): void {
    this.#listener?.(id);
    if (!this.#waiters.has(id)) return;
    if (this.#toRead.size === 0) setImmediate(() => this.#readChanged());
    this.#toRead.add(id);
  }

  async #readChanged(): Promise<void> {
    const ids = [...this.#toRead];
    this.#toRead.clear();
    await this.#read(ids);
  }

  #tick(): void {
    const now = this.#now();
    if (this.#earliest <= now) this.#endOverdue(now);
    if (now - this.#lastReadAt < RE_READ_MS || this.#reading) return;
    this.#lastReadAt = now;
    this.#reading = true;
    void this.#readAll().finally(() => {
      this.#reading = false;
    });
  }

  #endOverdue(now: number): void {
    for (const waiter of this.#all()) if (waiter.until <= now) this.#end(waiter, 'timeout');
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const waiter of this.#all()) this.#earliest = Math.min(this.#earliest, waiter.until);
  }

  #now(): number {
    return this.#steady.now().getTime();
  }

  async #readAll(): Promise<void> {
    try {
      await this.#store.beat(this.#replica);
    } catch (error) {
      this.#log.warn({ err: error }, 'this replica could not record that it is alive');
    }
    await this.#read(this.ids());
  }

  async #read(ids: readonly string[]): Promise<void> {
    const held = new Map<string, number>();
    for (const id of ids) {
      const waiters = this.#waiters.get(id);
      if (waiters) held.set(id, lowestRevision(waiters));
    }
    if (held.size === 0) return;
    try {
      for (const approval of await this.#store.changed(held)) this.wakeHere(approval);
    } catch (error) {
      this.#log.warn({ err: error, held: held.size }, 'held calls could not be re-read; trying again in 2 s');
    }
  }

  #end(waiter: Waiter, end: Approval | WaitEnd): void {
    const waiters = this.#waiters.get(waiter.id);
    if (!waiters?.includes(waiter)) return;
    // A new array, because a caller may be iterating over the old one.
    if (waiters.length === 1) this.#waiters.delete(waiter.id);
    else
      this.#waiters.set(
        waiter.id,
        waiters.filter((other) => other !== waiter),
      );
    waiter.unlisten();
    waiter.settle(end);
  }

  *#all(): Generator<Waiter> {
    for (const waiters of this.#waiters.values()) yield* waiters;
  }
}

/** The revision of the waiter that knows the oldest state. */
function lowestRevision(waiters: readonly Waiter[]): number {
  return waiters.reduce((least, { revision }) => Math.min(least, revision), Number.POSITIVE_INFINITY);
}
