/** Milliseconds that a card gives way at most. */
const MOST_MS = 1_000;

/**
 * Cards give way to clicks: Slack waits 3 s for the acknowledgement of a click, and a card that comes a second later is
 * right all the same. While a click is being taken, cards wait; in a moment without one they go on, one at a time, so that
 * they never stand together in front of the next click.
 */
export class Rush {
  #clicks = 0;
  readonly #waiting = new Set<() => void>();
  #calling = false;

  /** A click has come. Call what it returns once it is acknowledged; more than once does no harm. */
  click(): () => void {
    this.#clicks += 1;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#clicks -= 1;
      this.#callNext();
    };
  }

  /** Resolves when a card may be made: at once where no click is being taken, else 1 s later at most. */
  calm(): Promise<void> | undefined {
    if (this.#clicks === 0 && this.#waiting.size === 0) return undefined;
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, MOST_MS);
      this.#waiting.add(go);
      this.#callNext();
    });
  }

  #callNext(): void {
    if (this.#calling || this.#clicks > 0 || this.#waiting.size === 0) return;
    this.#calling = true;
    // Whatever has arrived meanwhile is taken first.
    setImmediate(() => {
      this.#calling = false;
      if (this.#clicks > 0) return;
      this.#waiting.values().next().value?.();
      this.#callNext();
    });
  }
}
