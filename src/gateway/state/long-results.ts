/**
 * Results that are too long to keep, for those who wait for them in this process while they come: callers that joined,
 * and `tasks/result`. One copy of each, until the last of those has left.
 */
export class LongResults {
  readonly #waiting = new Map<string, { waiters: number; response: Uint8Array | null }>();

  /** Somebody waits for the result of this approval. Returns what ends the wait; to be called once. */
  await(approval: string): () => void {
    const entry = this.#waiting.get(approval) ?? { waiters: 0, response: null };
    this.#waiting.set(approval, entry);
    entry.waiters += 1;
    return () => {
      entry.waiters -= 1;
      if (entry.waiters === 0) this.#waiting.delete(approval);
    };
  }

  /** The result, before anybody is told that there is one. Dropped if nobody waits here. */
  offer(approval: string, response: Uint8Array): void {
    const entry = this.#waiting.get(approval);
    if (entry !== undefined) entry.response = response;
  }

  /** The result; null: it is none of those. */
  of(approval: string): Uint8Array | null {
    return this.#waiting.get(approval)?.response ?? null;
  }
}
