interface Looks<T> {
  readonly under: Promise<T>;
  /** Begins once that one is over; null: nobody has asked since it began. */
  next: Promise<T> | null;
}

/**
 * Looks for those who ask the same at the same time: at most one is under way for each key. Whoever asks meanwhile shares the
 * next, which begins after all of them asked, so that nobody is told what was so before. A look that fails fails for those
 * who share it.
 */
export class SharedLooks<T> {
  readonly #looks = new Map<string, Looks<T>>();

  at(key: string, look: () => Promise<T>): Promise<T> {
    const looks = this.#looks.get(key);
    if (looks === undefined) return this.#begin(key, look);
    looks.next ??= looks.under.then(
      () => this.#begin(key, look),
      () => this.#begin(key, look),
    );
    return looks.next;
  }

  #begin(key: string, look: () => Promise<T>): Promise<T> {
    const under = look();
    const looks: Looks<T> = { under, next: null };
    this.#looks.set(key, looks);
    const over = (): void => {
      if (looks.next === null) this.#looks.delete(key);
    };
    void under.then(over, over);
    return under;
  }
}
