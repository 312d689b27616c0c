import { type Take, takeKey } from '../../domain/policy/limit.ts';
import { isBefore, type Moment, momentAfter, takesFromParts } from '../../domain/policy/part.ts';
import type { AskedPart, Log, PartStore } from '../../ports.ts';
import { momentNow } from '../../time/moment.ts';
import { pause } from '../../time/pause.ts';
import { withinOr } from '../../time/within.ts';
import { HeldCounter, HeldPart, PART_LEASE_MS, type PartTaken } from './held-part.ts';

/** Milliseconds between two looks at what is held: so soon a part that is called back is given back. */
const LOOK_MS = 200;
/** Milliseconds for which somebody waits for parts that others hold, and between two looks for them. */
const CALL_BACK_MS = 1_500;
const WAIT_MS = 50;
/** Milliseconds for which calling back waits for parts that are on their way here. */
const TAKING_MS = 500;
/** Milliseconds for which stopping waits for the store. */
const STOP_MS = 3_000;
/** Counters of which this process holds parts; calls of others ask the database each. */
const MOST_COUNTERS = 1_000;
/** Parts that one statement takes. */
const MOST_AT_ONCE = 100;
/** Parts that wait to be given back; beyond, the oldest are lost until their windows end. */
const MOST_ENDED = 5_000;

/**
 * `own`: this process gave back what it held; others may hold more. `others`: they gave back what they held. `held`: not all of
 * them did in time. `none`: nothing was out.
 */
export type CalledBack = 'own' | 'others' | 'held' | 'none';

/**
 * Quota that this process took in advance (P5, P7): a call that is plainly allowed within wide limits is counted here, in
 * memory, against a part of the window that the database has counted as used already. Whatever is not certain costs quota
 * and gives none: a process that dies loses what it holds. Decision 0067.
 */
export class Quota {
  readonly #store: PartStore;
  readonly #log: Pick<Log, 'warn'>;
  readonly #holder: string;
  readonly #moment: () => Moment;
  /** By maximum and key: a part that was taken under one maximum is spent under no other. */
  readonly #counters = new Map<string, HeldCounter>();
  readonly #callBacks = new Map<string, Promise<CalledBack>>();
  readonly #asked: HeldCounter[] = [];
  #ended: HeldPart[] = [];
  /** What is on its way back: room that nobody sees yet. */
  readonly #givingBack = new Set<Promise<boolean>>();
  #taking: Promise<void> | null = null;
  #looking: Promise<void> | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;
  #stopped = false;
  /** Grows when all parts end, so that those on their way here end too. */
  #era = 0;

  constructor(store: PartStore, replica: string, log: Pick<Log, 'warn'>, moment: () => Moment = momentNow) {
    this.#store = store;
    this.#log = log;
    // A name that no other process has had, one of the same replica's before it included.
    this.#holder = `${replica} ${crypto.randomUUID()}`;
    this.#moment = moment;
  }

  /** How many parts this process holds. */
  get size(): number {
    let size = 0;
    for (const { parts } of this.#counters.values()) size += parts.length;
    return size;
  }

  /** Counts one call against parts of all of its counters, or of none: null. Asks for parts where calls come often. */
  spend(takes: readonly Take[]): readonly PartTaken[] | null {
    if (this.#stopped || !takes.every(takesFromParts)) return null;
    const now = this.#moment();
    const spent: PartTaken[] = [];
    for (const take of takes) {
      const counter = this.#counterOf(take, now);
      const taken = counter?.draw(take, now) ?? null;
      if (counter?.wantsMore(now) === true) this.#ask(counter);
      if (taken !== null) spent.push(taken);
      else {
        for (const { part } of spent) part.left += 1;
        return null;
      }
    }
    return spent;
  }

  /**
   * Takes back what one call was counted for, because nothing was sent. Returns what only the database can take back; where it
   * has lost the part, it has never counted the call.
   */
  putBack(spent: readonly PartTaken[]): readonly PartTaken[] {
    const now = this.#moment();
    return spent.filter(({ part }) => {
      if (part.lost) return false;
      if (!part.isGood(now)) return true;
      part.left += 1;
      return false;
    });
  }

  /** Ends all parts: the policy has changed. What is left of them is given back. */
  endAll(): void {
    this.#era += 1;
    for (const counter of this.#counters.values()) this.#endCounter(counter);
    void this.#look();
  }

  /**
   * Makes room in a counter that seems full: gives back what this process holds of it; where that is nothing, asks the others
   * to, and waits for them 1.5 s at most. Rejects with `Unavailable('store')`.
   */
  callBack(take: Take): Promise<CalledBack> {
    const key = takeKey(take);
    const running = this.#callBacks.get(key);
    if (running !== undefined) return running;
    const begun = this.#callBack(key, take).finally(() => this.#callBacks.delete(key));
    this.#callBacks.set(key, begun);
    return begun;
  }

  /** Gives everything back, as far as the store answers; from then on each call asks the database. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await withinOr(STOP_MS, this.#end(), undefined);
  }

  async #end(): Promise<void> {
    await this.#taking;
    await this.#looking;
    for (const counter of this.#counters.values()) this.#endCounter(counter);
    await this.#giveBack();
  }

  async #callBack(key: string, take: Take): Promise<CalledBack> {
    // What is on its way here is room that nobody else sees.
    await withinOr(TAKING_MS, this.#taking ?? Promise.resolve(), undefined);
    // Neither does it see what is on its way back.
    let own = this.#givingBack.size > 0;
    const isBack = Promise.all(this.#givingBack).then(() => true);
    const arrived = await withinOr(TAKING_MS, isBack, false);
    for (const counter of this.#counters.values()) {
      if (counter.key !== key) continue;
      own ||= counter.left > 0;
      this.#endCounter(counter);
      counter.refused(this.#moment());
    }
    const isGivenBack = (await this.#giveBack()) && arrived;
    if (own && isGivenBack) return 'own';
    const others = await this.#store.callBackParts(this.#holder, take);
    // What this process could not give back goes back with one of the next looks.
    if (others === 0) return isGivenBack ? 'none' : 'held';
    const end = momentAfter(this.#moment(), CALL_BACK_MS);
    while (isBefore(this.#moment(), end)) {
      await pause(WAIT_MS);
      if ((await this.#store.partsOut(this.#holder, take)) === 0) return 'others';
    }
    return 'held';
  }

  #counterOf(take: Take, now: Moment): HeldCounter | null {
    const name = `${take.max} ${takeKey(take)}`;
    const known = this.#counters.get(name);
    if (known !== undefined) return known;
    if (this.#counters.size >= MOST_COUNTERS) this.#retire(now);
    if (this.#counters.size >= MOST_COUNTERS) return null;
    const counter = new HeldCounter(take, now);
    this.#counters.set(name, counter);
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS);
    return null;
  }

  #ask(counter: HeldCounter): void {
    counter.asking = true;
    this.#asked.push(counter);
    this.#taking ??= this.#take().finally(() => {
      this.#taking = null;
    });
  }

  /** Takes what was asked for; what is asked for meanwhile goes with the next statement. Never rejects. */
  async #take(): Promise<void> {
    // Calls of one turn ask together.
    await Promise.resolve();
    while (this.#asked.length > 0) {
      const counters = this.#asked.splice(0, MOST_AT_ONCE);
      const now = this.#moment();
      const wanted = counters
        .map((counter) => ({ counter, id: crypto.randomUUID(), take: counter.take, ask: counter.nextAsk(now) }))
        .filter(({ ask }) => ask > 0);
      await this.#takeThese(wanted);
      for (const counter of counters) counter.asking = false;
    }
  }

  async #takeThese(wanted: readonly (AskedPart & { readonly counter: HeldCounter })[]): Promise<void> {
    if (wanted.length === 0) return;
    const era = this.#era;
    const asked = this.#moment();
    const parts = wanted.map(({ id, take, ask }) => ({ id, take, ask }));
    const granted = await this.#store.takeParts(this.#holder, PART_LEASE_MS, parts).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'no quota could be taken in advance; each call asks the database');
      return null;
    });
    const answers = new Map(granted?.map((one) => [one.id, one]));
    for (const { counter, id, ask } of wanted) {
      const answer = answers.get(id);
      if (answer === undefined || answer.size < 1) counter.refused(this.#moment());
      if (answer !== undefined && answer.size < 1) continue;
      // Of an answer that was lost it is not known whether it was taken: nothing of it was spent, so all of it goes back.
      const found = answer ?? { id, windowStart: new Date(0), leftMs: 0, size: ask };
      const part = new HeldPart({ ...found, size: Math.min(found.size, ask) }, asked);
      if (answer === undefined || era !== this.#era || this.#stopped) this.#endPart(part);
      else counter.parts.push(part);
    }
  }

  #endCounter(counter: HeldCounter): void {
    for (const part of counter.parts) this.#endPart(part);
    counter.parts = [];
  }

  #endPart(part: HeldPart): void {
    part.ended = true;
    this.#ended.push(part);
    if (this.#ended.length > MOST_ENDED) this.#ended.shift();
  }

  /** Ends what is used up, over or idle. */
  #retire(now: Moment): void {
    for (const [name, counter] of this.#counters) {
      const isIdle = counter.isIdle(now);
      for (const part of counter.parts) if (isIdle || part.left === 0 || part.isOver(now)) this.#endPart(part);
      counter.parts = counter.parts.filter(({ ended }) => !ended);
      if (isIdle) this.#counters.delete(name);
    }
  }

  /** One look at a time. Never rejects. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookNow()
      .catch(() => undefined)
      .finally(() => {
        this.#looking = null;
      });
    return this.#looking;
  }

  async #lookNow(): Promise<void> {
    this.#retire(this.#moment());
    await this.#giveBack();
    const asked = this.#moment();
    const held = [...this.#counters.values()].flatMap(({ parts }) => parts);
    if (held.length > 0) {
      const renew = held.some((part) => part.isDue(asked));
      const ids = held.map(({ id }) => id);
      const seen = await this.#store.lookAtParts(this.#holder, ids, renew ? PART_LEASE_MS : null);
      this.#saw(held, new Map(seen.map((one) => [one.id, one])), renew ? asked : null);
      await this.#giveBack();
    } else if (this.#counters.size === 0 && this.#ended.length === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }

  #saw(
    held: readonly HeldPart[],
    seen: ReadonlyMap<string, { readonly alive: boolean; readonly recalled: boolean }>,
    renewedAt: Moment | null,
  ): void {
    for (const part of held) {
      if (part.ended) continue;
      const row = seen.get(part.id);
      // The store has gone back, or somebody has deleted it: nothing says any more that it was counted.
      if (row === undefined) part.lose();
      else if (row.recalled || !row.alive) this.#endPart(part);
      else if (renewedAt !== null) part.renewed(renewedAt);
    }
    for (const counter of this.#counters.values()) {
      if (counter.parts.some(({ ended }) => ended)) counter.refused(this.#moment());
      counter.parts = counter.parts.filter(({ ended }) => !ended);
    }
  }

  /** False: the store did not answer, and it is tried again with the next look. */
  #giveBack(): Promise<boolean> {
    const parts = this.#ended;
    if (parts.length === 0) return Promise.resolve(true);
    this.#ended = [];
    const giving: Promise<boolean> = this.#giveBackThese(parts).finally(() => this.#givingBack.delete(giving));
    this.#givingBack.add(giving);
    return giving;
  }

  async #giveBackThese(parts: readonly HeldPart[]): Promise<boolean> {
    try {
      await this.#store.giveBackParts(
        this.#holder,
        parts.map(({ id, left }) => ({ id, left })),
      );
      return true;
    } catch {
      this.#ended = [...parts, ...this.#ended].slice(-MOST_ENDED);
      return false;
    }
  }
}
