/** How one of several that were done together ended. */
export type GatheredEnd<Answer> = { readonly answer: Answer } | { readonly fault: unknown };

export interface GatheredTerms<One, Answer> {
  /** The most that are done at once. */
  readonly most: number;
  /** Of two with the same key the later one waits until the other is done. */
  readonly keyOf: (one: One) => string;
  /**
   * Does these, and returns how each ended, in their order; null: it was left over, and comes behind those that wait. The
   * first never is. Rejects where nothing was done, nor could be of those that wait: one after the other, each would wait as long.
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
 * Does together what comes together. What comes while one group is being done is done by the next, so nobody waits for
 * others to come: what comes alone is done at once, alone.
 */
export class Gathered<One, Answer> {
  readonly #terms: GatheredTerms<One, Answer>;
  #waiting: Waiting<One, Answer>[] = [];
  #busy = false;

  constructor(terms: GatheredTerms<One, Answer>) {
    this.#terms = terms;
  }

  do(one: One): Promise<Answer> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ one, key: this.#terms.keyOf(one), settle, fail });
      if (this.#busy) return;
      this.#busy = true;
      // Whatever else is ready to run comes first: a hundred that were woken by one timer are a group.
      queueMicrotask(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#take();
      try {
        const ends = await this.#terms.together(group.map(({ one }) => one));
        this.#waiting.push(...group.filter((_, at) => (ends[at] ?? null) === null));
        for (const [at, { settle, fail }] of group.entries()) {
          const end = ends[at] ?? null;
          if (end === null) continue;
          if ('fault' in end) fail(end.fault);
          else settle(end.answer);
        }
      } catch (fault) {
        for (const { fail } of [...group, ...this.#waiting.splice(0)]) fail(fault);
      }
    }
    this.#busy = false;
  }

  /** As many of the first that wait as can be done at once; at least one. */
  #take(): Waiting<One, Answer>[] {
    const { most } = this.#terms;
    const keys = new Set<string>();
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
