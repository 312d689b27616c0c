/** Notifies listeners of every change in the stand-in. */
export class Changes {
  readonly #listeners = new Set<() => void>();
  readonly #waiters = new Set<(why: Error) => void>();

  notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls back after each change; returns a function that stops it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves with the first truthy result of `probe`, called now and after each change; rejects after `ms`. */
  waitFor<T>(probe: () => T | null | undefined | false, ms: number): Promise<T> {
    const now = probe();
    if (now) return Promise.resolve(now);
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        stop();
        this.#waiters.delete(fail);
      };
      const fail = (why: Error) => {
        end();
        reject(why);
      };
      const timer = setTimeout(() => fail(new Error(`The stand-in waited ${ms} ms in vain for: ${probe}`)), ms);
      const stop = this.listen(() => {
        try {
          const found = probe();
          if (!found) return;
          end();
          resolve(found);
        } catch (error) {
          fail(error instanceof Error ? error : new Error(String(error)));
        }
      });
      this.#waiters.add(fail);
    });
  }

  close(): void {
    for (const fail of [...this.#waiters]) fail(new Error('The stand-in was closed.'));
    this.#listeners.clear();
  }
}
