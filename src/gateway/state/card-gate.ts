/** How many cards of a lane may try at Slack at a time while others wait for it. */
const AT_ONCE = 3;
/** Milliseconds that a card waits behind each other one, about as long as Slack takes for one in a channel. */
const EACH_MS = 300;
const SHORTEST_MS = 1_000;
const LONGEST_MS = 10_000;
/** Milliseconds after its time within which a waiting card must have come again; else it is another replica's. */
const LATE_MS = 2_000;

interface WaitingCard {
  readonly turn: number;
  /** In ms of `performance.now()`. */
  readonly until: number;
}

/**
 * Keeps the order of turns while Slack takes fewer cards than there are. Slack tells each card that comes too early to
 * come later, and whoever then happens to come first is taken: with sixty that wait, a sixty-first of another grant
 * would be one of sixty. So while cards wait, only those try that at most two others with a lower turn wait before. A
 * card with the first turn never waits here.
 *
 * A lane is what shares a rate: posts, or updates, for one server. Kept per process: with more replicas, as many more
 * cards try at a time. Where another replica runs a card that waits here, it is forgotten 2 s after its time.
 */
export class CardGate {
  readonly #lanes = new Map<string, Map<string, WaitingCard>>();

  /** Milliseconds after which the card may come again; 0: it may try now. */
  waitMs(lane: string, id: string, turn: number): number {
    const waiting = this.#lanes.get(lane);
    if (waiting === undefined) return 0;
    const now = performance.now();
    let before = 0;
    for (const [other, card] of waiting) {
      if (card.until < now) waiting.delete(other);
      else if (other !== id && card.turn < turn) before += 1;
    }
    if (before < AT_ONCE) return 0;
    const ms = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, before * EACH_MS));
    this.#wait(waiting, id, turn, ms);
    return ms;
  }

  /** Slack did not take it; it comes again after so many ms. */
  sentAway(lane: string, id: string, turn: number, ms: number): void {
    const waiting = this.#lanes.get(lane) ?? new Map<string, WaitingCard>();
    this.#lanes.set(lane, waiting);
    this.#wait(waiting, id, turn, ms);
  }

  /** It waits no longer: it was taken, or is not needed any more. */
  done(lane: string, id: string): void {
    const waiting = this.#lanes.get(lane);
    if (waiting?.delete(id) && waiting.size === 0) this.#lanes.delete(lane);
  }

  #wait(waiting: Map<string, WaitingCard>, id: string, turn: number, ms: number): void {
    waiting.set(id, { turn, until: performance.now() + ms + LATE_MS });
  }
}
