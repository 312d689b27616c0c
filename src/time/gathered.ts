/** How one of several that were done together ended. */
export type GatheredEnd<Answer> = { readonly answer: Answer } | { readonly fault: unknown };

export interface GatheredTerms<One, Answer> {
  /** The most that are done at once. */
  readonly most: number;
  /** Of two with the same key the later one waits until the other is done. */
  readonly keyOf: (one: One) => string;
  /** How many groups may be under way at once; 1 if absent. */
  readonly lanes?: number;
  /**
   * Milliseconds after which a group that is still under way keeps the next one waiting no longer, for as many slow ones as
   * there are lanes; absent: it always does.
   */
  readonly patienceMs?: number;
  /**
   * Does these, and returns how each ended, in their order; null: it was left over. The first never is, so the first of those
   * that are comes before all that wait, the others behind them: whatever else keeps coming, each is done in the end. Rejects where nothing was done, nor could be of those that wait: one after the other, each would wait as
   * long. They fail too then, unless another group was done meanwhile.
   */
  readonly together: (group: readonly One[]) => Promise<readonly (GatheredEnd<Answer> | null)[]>;
}

interface Waiting<One, Answer> {
  readonly one: One;
  readonly key: string;
  readonly settle: (answer: Answer) => void;
  readonly fail: (fault: unknown) => void;
}

/**
 * Does together what comes together. What comes while as many groups as may be are under way is done by the next, so nobody
 * waits for others to come: what comes alone is done at once, alone.
 */
export class Gathered<One, Answer> {
  readonly #terms: GatheredTerms<One, Answer>;
  #waiting: Waiting<One, Answer>[] = [];
  /** Groups under way that keep others waiting, and those that were too slow to. */
  #busy = 0;
  #slow = 0;
  /** Keys of those that are under way. */
  readonly #under = new Set<string>();
  /** How many groups were done. */
  #done = 0;

  constructor(terms: GatheredTerms<One, Answer>) {
    this.#terms = terms;
  }

  do(one: One): Promise<Answer> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ one, key: this.#terms.keyOf(one), settle, fail });
      this.#open();
    });
  }

  /** Opens a lane, where there is one for what waits. */
  #open(): void {
    const { lanes = 1 } = this.#terms;
    if (this.#busy >= lanes || this.#waiting.length === 0) return;
    this.#busy += 1;
    // Whatever else is ready to run comes first: a hundred that were woken by one timer are a group.
    queueMicrotask(() => void this.#drain());
  }

  /** One lane: group after group, until nothing waits, or it was given up for being slow. */
  async #drain(): Promise<void> {
    for (;;) {
      const group = this.#take();
      if (group.length === 0) break;
      const wasSlow = await this.#doInTime(group);
      if (!wasSlow) continue;
      // Another lane has its place; what waited for its keys may go now.
      this.#slow -= 1;
      this.#open();
      return;
    }
    this.#busy -= 1;
  }

  /** Whether it was so slow that its lane was given to another. */
  async #doInTime(group: readonly Waiting<One, Answer>[]): Promise<boolean> {
    const { lanes = 1, patienceMs } = this.#terms;
    if (patienceMs === undefined) {
      await this.#do(group);
      return false;
    }
    let isSlow = false;
    const timer = setTimeout(() => {
      if (this.#slow >= lanes) return;
      isSlow = true;
      this.#slow += 1;
      this.#busy -= 1;
      this.#open();
    }, patienceMs);
    await this.#do(group);
    clearTimeout(timer);
    return isSlow;
  }

  /** Never rejects: each is told. */
  async #do(group: readonly Waiting<One, Answer>[]): Promise<void> {
    const before = this.#done;
    for (const { key } of group) this.#under.add(key);
    try {
      const ends = await this.#terms.together(group.map(({ one }) => one));
      this.#done += 1;
      const [first, ...others] = group.filter((_, at) => (ends[at] ?? null) === null);
      if (first !== undefined) this.#waiting = [first, ...this.#waiting, ...others];
      for (const [at, { settle, fail }] of group.entries()) {
        const end = ends[at] ?? null;
        if (end === null) continue;
        if ('fault' in end) fail(end.fault);
        else settle(end.answer);
      }
    } catch (fault) {
      const others = this.#done === before ? this.#waiting.splice(0) : [];
      for (const { fail } of [...group, ...others]) fail(fault);
    } finally {
      for (const { key } of group) this.#under.delete(key);
    }
  }

  /** As many of the first that wait as can be done at once; none: the keys of all that wait are under way. */
  #take(): Waiting<One, Answer>[] {
    const { most } = this.#terms;
    const keys = new Set(this.#under);
    const group: Waiting<One, Answer>[] = [];
    const later: Waiting<One, Answer>[] = [];
    let at = 0;
    for (; at < this.#waiting.length && group.length < most; at += 1) {
      const each = this.#waiting[at]!;
      if (keys.has(each.key)) later.push(each);
      else group.push(each);
      keys.add(each.key);
    }
    this.#waiting = [...later, ...this.#waiting.slice(at)];
    return group;
  }
}
