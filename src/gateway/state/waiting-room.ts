import type { Approval } from '../../domain/approval/approval.ts';
import type { Clock, Log, Store } from '../../ports.ts';

/** Milliseconds between two looks at everything that is held here: what a lost wake-up costs at most. */
const RE_READ_MS = 2_000;
/** Milliseconds between two looks at the deadlines. */
const TICK_MS = 100;

interface Waiter {
  readonly id: string;
  readonly revision: number;
  readonly until: number;
  readonly settle: (end: Approval | 'timeout' | 'gone') => void;
  /** Stops listening to the signal that nobody listens any more. */
  readonly unheed: () => void;
}

/**
 * Everybody who waits in this process for an approval to change. A waiter is an entry in a map: no timer, no
 * connection and no query of its own. Wake-ups come from three sides, and any one of them will do: this process's own
 * commits, the queue, and one query every 2 s for all that is held.
 */
export class WaitingRoom {
  /** Lists, not sets: nearly always one waits for one approval, and a set of one is much larger. */
  readonly #waiters = new Map<string, Waiter[]>();
  readonly #rung = new Set<string>();
  readonly #store: Pick<Store, 'changed' | 'beat'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #replica: string;
  #tick: ReturnType<typeof setInterval> | null = null;
  #stir: ((id: string) => void) | null = null;
  /** No deadline of a waiter is earlier: until then nobody is looked at. */
  #earliest = Number.POSITIVE_INFINITY;
  #lastLook = 0;
  #looking = false;

  constructor(store: Pick<Store, 'changed' | 'beat'>, clock: Clock, log: Log, replica: string) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#replica = replica;
  }

  /** Hears of everything that was changed, here or elsewhere, whether or not somebody waits for it. One listener. */
  onStir(listener: (id: string) => void): void {
    this.#stir = listener;
  }

  /** How many callers wait here. */
  get size(): number {
    let size = 0;
    for (const waiters of this.#waiters.values()) size += waiters.length;
    return size;
  }

  /** What is waited for here. */
  ids(): string[] {
    return [...this.#waiters.keys()];
  }

  /** False before `start` and after `stop`: then every wait ends at once. */
  get open(): boolean {
    return this.#tick !== null;
  }

  start(): void {
    this.#tick ??= setInterval(() => this.#pass(), TICK_MS);
  }

  /** Everybody goes home: each is told `timeout`, which a caller turns into the pending result. */
  stop(): void {
    if (this.#tick) clearInterval(this.#tick);
    this.#tick = null;
    for (const waiter of [...this.#all()]) this.#end(waiter, 'timeout');
  }

  /**
   * Resolves with the approval once its revision is no longer `revision`, with `timeout` at `until`, or with `gone`
   * when the signal says that nobody listens any more.
   */
  wait(id: string, revision: number, until: Date, signal?: AbortSignal): Promise<Approval | 'timeout' | 'gone'> {
    return new Promise((resolve) => {
      const gone = (): void => this.#end(waiter, 'gone');
      const unheed = (): void => signal?.removeEventListener('abort', gone);
      const waiter: Waiter = { id, revision, until: until.getTime(), settle: resolve, unheed };
      this.#earliest = Math.min(this.#earliest, waiter.until);
      const others = this.#waiters.get(id);
      if (others === undefined) this.#waiters.set(id, [waiter]);
      else others.push(waiter);
      if (this.#tick === null || signal?.aborted) this.#end(waiter, signal?.aborted ? 'gone' : 'timeout');
      else signal?.addEventListener('abort', gone, { once: true });
    });
  }

  /** This process committed a change. Returns how many waited for it here. */
  ring(approval: Approval): number {
    this.#stir?.(approval.id);
    const behind = (this.#waiters.get(approval.id) ?? []).filter((one) => approval.revision > one.revision);
    for (const waiter of behind) this.#end(waiter, approval);
    return behind.length;
  }

  /** Somebody, somewhere, changed it. Wake-ups of one turn of the event loop are one query. */
  wake(id: string): void {
    this.#stir?.(id);
    if (!this.#waiters.has(id)) return;
    if (this.#rung.size === 0) setImmediate(() => this.#answer());
    this.#rung.add(id);
  }

  async #answer(): Promise<void> {
    const ids = [...this.#rung];
    this.#rung.clear();
    await this.#read(ids);
  }

  #pass(): void {
    const now = this.#clock.now().getTime();
    if (this.#earliest <= now) this.#endLate(now);
    if (now - this.#lastLook < RE_READ_MS || this.#looking) return;
    this.#lastLook = now;
    this.#looking = true;
    void this.#look().finally(() => {
      this.#looking = false;
    });
  }

  #endLate(now: number): void {
    for (const waiter of this.#all()) if (waiter.until <= now) this.#end(waiter, 'timeout');
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const waiter of this.#all()) this.#earliest = Math.min(this.#earliest, waiter.until);
  }

  async #look(): Promise<void> {
    try {
      await this.#store.beat(this.#replica);
    } catch (error) {
      this.#log.warn({ err: error }, 'this replica could not say that it is alive');
    }
    await this.#read(this.ids());
  }

  async #read(ids: readonly string[]): Promise<void> {
    const held = new Map<string, number>();
    for (const id of ids) {
      const waiters = this.#waiters.get(id);
      if (waiters) held.set(id, oldest(waiters));
    }
    if (held.size === 0) return;
    try {
      for (const approval of await this.#store.changed(held)) this.ring(approval);
    } catch (error) {
      this.#log.warn({ err: error, held: held.size }, 'held calls could not be re-read; trying again in 2 s');
    }
  }

  #end(waiter: Waiter, end: Approval | 'timeout' | 'gone'): void {
    const waiters = this.#waiters.get(waiter.id);
    if (!waiters?.includes(waiter)) return;
    // A new list: whoever is going through the old one goes on undisturbed.
    if (waiters.length === 1) this.#waiters.delete(waiter.id);
    else
      this.#waiters.set(
        waiter.id,
        waiters.filter((one) => one !== waiter),
      );
    waiter.unheed();
    waiter.settle(end);
  }

  *#all(): Generator<Waiter> {
    for (const waiters of this.#waiters.values()) yield* waiters;
  }
}

/** The revision that the one knows who knows least. */
function oldest(waiters: readonly Waiter[]): number {
  return waiters.reduce((least, { revision }) => Math.min(least, revision), Number.POSITIVE_INFINITY);
}
