/** Calls that may be described at once, here, of one grant and to one server; the others' cards come without a preview. */
const MOST_PREVIEWS = { all: 64, grant: 6, server: 16 } as const;

/** The calls of this process about which something is being found out for their cards. */
export class Describing {
  readonly #works = new Map<string, Promise<void>>();
  /** Those of them that ask a server. */
  readonly #slow = new Set<string>();
  readonly #previews = new Map<string, number>();
  #ended = new AbortController();

  /** Runs the work, which never rejects. `asksServer`: it may take seconds. The signal aborts when the process ends. */
  begin(id: string, asksServer: boolean, work: (ended: AbortSignal) => Promise<void>): Promise<void> {
    if (asksServer) this.#slow.add(id);
    const under = work(this.#ended.signal).finally(() => {
      this.#works.delete(id);
      this.#slow.delete(id);
    });
    this.#works.set(id, under);
    return under;
  }

  /** Whether a server is being asked for the card of this call, so that the card comes later. */
  isSlow(id: string): boolean {
    return this.#slow.has(id);
  }

  /** Resolves when nothing is being found out about this call any more. */
  settled(id: string): Promise<void> | undefined {
    return this.#works.get(id);
  }

  /** Runs a preview where there is room for one; null: there is none, so that one grant's flood takes no other's. */
  preview<T>(grant: string, server: string, run: () => Promise<T>): Promise<T> | null {
    const places = [
      ['', MOST_PREVIEWS.all],
      [`grant ${grant}`, MOST_PREVIEWS.grant],
      [`server ${server}`, MOST_PREVIEWS.server],
    ] as const;
    if (places.some(([place, most]) => (this.#previews.get(place) ?? 0) >= most)) return null;
    for (const [place] of places) this.#previews.set(place, (this.#previews.get(place) ?? 0) + 1);
    return run().finally(() => {
      for (const [place] of places) {
        const left = (this.#previews.get(place) ?? 1) - 1;
        if (left > 0) this.#previews.set(place, left);
        else this.#previews.delete(place);
      }
    });
  }

  /** Gives up what is under way, and resolves when nothing is. */
  async drained(): Promise<void> {
    this.#ended.abort();
    await Promise.allSettled(this.#works.values());
  }
}
