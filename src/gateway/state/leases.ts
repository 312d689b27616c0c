import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Clock, Log, Store } from '../../ports.ts';

/** Milliseconds that a lease lasts. It is renewed three times in that time, for as long as the upstream takes. */
export const LEASE_MS = 30_000;
/** Milliseconds before a failed renewal is tried again: a lease should survive a restart of the database. */
const RETRY_MS = 1_000;

/** What is known of a call that this process sends, whatever the store says of it. */
export interface CallUnderWay extends Pick<Approval, 'answersTo' | 'grant' | 'id' | 'requirement' | 'server'> {
  /** The session in which it was called, as a digest; null: it may be any. */
  readonly session: string | null;
}

interface HeldLease {
  readonly approval: string;
  readonly call: CallUnderWay;
  /** Milliseconds: until when a renewal from here has extended it; null: none has yet. */
  readonly renewedUntil: number | null;
}

/** The dispatches under way in this process. One timer renews all of their leases in one query. */
export class Leases {
  /** Milliseconds that a lease lasts. */
  readonly ms: number;
  /** By the name of the dispatch: the next dispatch of the same call has another name. */
  readonly #held = new Map<string, HeldLease>();
  /** The names of its dispatches, by approval id. */
  readonly #byApproval = new Map<string, Set<string>>();
  readonly #store: Pick<Store, 'renew'>;
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** The renewal that is under way, and until when it extends them. */
  #renewing: { readonly until: Date; readonly done: Promise<void> } | null = null;
  #stopped = false;

  constructor(store: Pick<Store, 'renew'>, clock: Clock, log: Log, ms = LEASE_MS) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.ms = ms;
  }

  get size(): number {
    return this.#held.size;
  }

  /** True once the process stops: what is still under way is left to the sweep. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Whether a dispatch of this approval is under way in this process, and its lease may have run out. */
  needsRenewal(approval: string): boolean {
    const now = this.#clock.now().getTime();
    const names = this.#byApproval.get(approval);
    if (names === undefined) return false;
    for (const by of names) if ((this.#held.get(by)?.renewedUntil ?? now) <= now) return true;
    return false;
  }

  /**
   * Extends all leases now; asked for again meanwhile it is the same renewal, unless the process stood still in the middle of it, and it
   * would extend them until an instant that has passed. Rejects when the store does not answer.
   */
  renewNow(): Promise<void> {
    const under = this.#renewing;
    if (under !== null && under.until > this.#clock.now()) return under.done;
    const until = this.until();
    const renewing = { until, done: this.#renewAll(until) };
    this.#renewing = renewing;
    const over = () => {
      if (this.#renewing === renewing) this.#renewing = null;
    };
    renewing.done.then(over, over);
    return renewing.done;
  }

  async #renewAll(until: Date): Promise<void> {
    const held = new Map([...this.#held].map(([by, { approval }]) => [by, approval]));
    await this.#store.renew(held, until);
    for (const [by, approval] of held) {
      const lease = this.#held.get(by);
      // One that was under way before may end after it.
      const renewedUntil = Math.max(lease?.renewedUntil ?? 0, until.getTime());
      if (lease !== undefined) this.#held.set(by, { ...lease, approval, renewedUntil });
    }
  }

  /** When a lease that is taken now runs out. */
  until(): Date {
    return new Date(this.#clock.now().getTime() + this.ms);
  }

  /** The calls that are under way here. */
  get calls(): readonly CallUnderWay[] {
    return [...this.#held.values()].map(({ call }) => call);
  }

  /** Keeps the lease of a dispatch that the store has recorded. `session`: as in `CallUnderWay`. */
  add({ approval, by }: Pick<Dispatch, 'approval' | 'by'>, session: string | null = null): void {
    const { id, server, grant, requirement, answersTo } = approval;
    const call = { id, server, grant, requirement, answersTo, session };
    this.#held.set(by, { approval: id, call, renewedUntil: null });
    const names = this.#byApproval.get(approval.id);
    if (names === undefined) this.#byApproval.set(approval.id, new Set([by]));
    else names.add(by);
    if (this.#timer === null) this.#renewIn(this.ms / 3);
  }

  /** Stops renewing. `by`: the name of a dispatch that is over, or that another process continues. */
  delete(by: string): void {
    const lease = this.#held.get(by);
    this.#held.delete(by);
    if (lease !== undefined) {
      const names = this.#byApproval.get(lease.approval);
      names?.delete(by);
      if (names?.size === 0) this.#byApproval.delete(lease.approval);
    }
    if (this.#held.size === 0) this.#clearTimer();
  }

  stop(): void {
    this.#stopped = true;
    this.#clearTimer();
  }

  #clearTimer(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #renewIn(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#renew(), ms);
  }

  async #renew(): Promise<void> {
    let next = this.ms / 3;
    try {
      await this.renewNow();
    } catch (error) {
      this.#log.warn({ err: error, dispatches: this.#held.size }, 'leases could not be renewed');
      next = Math.min(next, RETRY_MS);
    }
    // A dispatch that began or ended meanwhile may have set a timer; one is enough.
    this.#clearTimer();
    if (this.#held.size > 0) this.#renewIn(next);
  }
}
