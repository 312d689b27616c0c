/**
 * Who may use a session that can do one transaction at a time. Statements pass at once as long as nobody has a turn;
 * otherwise they wait, in the order in which they came.
 */
export class Turns {
  #taken = false;
  readonly #waiting: { readonly takes: boolean; readonly go: () => void }[] = [];

  /** Resolves when a single statement may be sent. */
  pass(): Promise<void> | undefined {
    return this.#taken ? this.#wait(false) : undefined;
  }

  /** Resolves when everything belongs to the caller, until it calls the function that it gets. */
  async take(): Promise<() => void> {
    if (this.#taken) await this.#wait(true);
    this.#taken = true;
    return () => this.#next();
  }

  #wait(takes: boolean): Promise<void> {
    return new Promise((go) => this.#waiting.push({ takes, go }));
  }

  /** Lets in who waits, up to and including the next who takes a turn. The turn stays taken for that one. */
  #next(): void {
    for (let one = this.#waiting.shift(); one !== undefined; one = this.#waiting.shift()) {
      one.go();
      if (one.takes) return;
    }
    this.#taken = false;
  }
}
