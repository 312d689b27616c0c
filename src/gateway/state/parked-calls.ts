/**
 * The parked calls for which callers wait in this process, in their stored form: one copy of each, however many callers
 * wait for it.
 */
export class ParkedCalls {
  readonly #kept = new Map<string, { readonly bytes: Uint8Array; holders: number }>();

  /** The call, for one more caller; null: no caller of this process holds it. */
  share(approval: string): Uint8Array | null {
    const kept = this.#kept.get(approval);
    if (kept === undefined) return null;
    kept.holders += 1;
    return kept.bytes;
  }

  /** Keeps the call for a caller; returns what to hold, which is the copy that is kept already if there is one. */
  keep(approval: string, bytes: Uint8Array): Uint8Array {
    const shared = this.share(approval);
    if (shared !== null) return shared;
    this.#kept.set(approval, { bytes, holders: 1 });
    return bytes;
  }

  /** One caller waits no longer. */
  release(approval: string): void {
    const kept = this.#kept.get(approval);
    if (kept === undefined) return;
    kept.holders -= 1;
    if (kept.holders === 0) this.#kept.delete(approval);
  }
}
