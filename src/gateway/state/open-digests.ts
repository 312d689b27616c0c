/** Kinds of calls of which a digest with room is known, and digests that are known to be full. */
const MOST_KNOWN = 10_000;

/**
 * The digests with room that this process knows of, and how many calls it lets go to each past the gate. A hint: whether there
 * is one, and room in it, is told by the store to whoever comes.
 */
export class OpenDigests {
  /** By what a digest's calls have in common: how many may still go there. */
  readonly #room = new Map<string, number>();
  readonly #full = new Set<string>();

  opened(alike: string, room: number): void {
    if (room <= 0) return void this.#room.delete(alike);
    if (this.#room.size >= MOST_KNOWN) this.#room.clear();
    this.#room.set(alike, room);
  }

  /** Whether one more may go; it is counted then. */
  letsIn(alike: string): boolean {
    const room = this.#room.get(alike);
    if (room === undefined) return false;
    this.opened(alike, room - 1);
    return true;
  }

  /** There is none after all. */
  closed(alike: string): void {
    this.#room.delete(alike);
  }

  /** A digest takes calls and never loses one. */
  filled(leader: string): void {
    if (this.#full.size >= MOST_KNOWN) this.#full.clear();
    this.#full.add(leader);
  }

  isFull(leader: string): boolean {
    return this.#full.has(leader);
  }
}
