import { OpenDigests } from './open-digests.ts';

/** The lane of cards that are not posted yet. */
export function postsOf({ server }: { readonly server: string }): string {
  return `posts ${server}`;
}

/** How many cards of a lane may try at Slack at a time while others wait for it. */
const AT_ONCE = 3;
/** Milliseconds that a card waits behind each other one, about as long as Slack takes for one in a channel. */
const EACH_MS = 300;
const SHORTEST_MS = 1_000;
const LONGEST_MS = 10_000;
/** Milliseconds between two looks of all that wait in a lane, on average: as many of them as there may be cost no more. */
const LOOK_MS = 40;
/** Less than the queue takes for the work of a wrong clock. */
const MOST_MS = 8 * 60_000;
/** Milliseconds after its time within which a waiting card must have come again; else it is another replica's. */
const LATE_MS = 2_000;
/** Milliseconds between two searches for cards that are another replica's. */
const SEARCH_MS = 250;

interface WaitingCard {
  readonly turn: number;
  /** In ms of `performance.now()`. */
  readonly until: number;
}

/** The cards that wait in one lane, with their turns in order. */
class Lane {
  readonly #cards = new Map<string, WaitingCard>();
  readonly #turns: number[] = [];
  #searched = 0;

  get size(): number {
    return this.#cards.size;
  }

  /** How many others with a lower turn wait. */
  before(id: string, turn: number, now: number): number {
    if (now - this.#searched >= SEARCH_MS) this.#forgetLate(now);
    const own = this.#cards.get(id);
    return placeOf(this.#turns, turn) - (own !== undefined && own.turn < turn ? 1 : 0);
  }

  wait(id: string, card: WaitingCard): void {
    this.leave(id);
    this.#cards.set(id, card);
    this.#turns.splice(placeOf(this.#turns, card.turn), 0, card.turn);
  }

  leave(id: string): void {
    const card = this.#cards.get(id);
    if (card === undefined) return;
    this.#cards.delete(id);
    this.#turns.splice(placeOf(this.#turns, card.turn), 1);
  }

  #forgetLate(now: number): void {
    this.#searched = now;
    for (const [id, { until }] of this.#cards) if (until < now) this.leave(id);
  }
}

/** How many of the sorted numbers are lower. */
function placeOf(sorted: readonly number[], number: number): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! < number) from = middle + 1;
    else to = middle;
  }
  return from;
}

/**
 * Keeps the order of turns while Slack takes fewer cards than there are. Slack tells each card that comes too early to
 * come later, and whoever then happens to come first is taken: with sixty that wait, a sixty-first of another grant
 * would be one of sixty. So while cards wait, only those try that at most two others with a lower turn wait before. A
 * card with the first turn never waits here.
 *
 * Each look of a card that waits costs a read of SQL and work of the queue, so the more there are the less often each looks: up
 * to 250 within 10 s, beyond that 25 of them a second together. Those at the front come as soon as ever, and they alone look
 * for more than themselves.
 *
 * A lane is what shares a rate: posts, or updates, for one server. Kept per process: with more replicas, as many more
 * cards try at a time. Where another replica runs a card that waits here, it is forgotten 2 s after its time.
 */
export class CardGate {
  /** A call that joins a message takes none of what the lane waits for. */
  readonly openDigests = new OpenDigests();
  readonly #lanes = new Map<string, Lane>();

  /** Milliseconds after which the card may come again; 0: it may try now. */
  waitMs(lane: string, id: string, turn: number): number {
    const waiting = this.#lanes.get(lane);
    if (waiting === undefined) return 0;
    const before = waiting.before(id, turn, performance.now());
    if (before < AT_ONCE) return 0;
    const ms = Math.max(SHORTEST_MS, Math.min(longestMs(before, waiting.size), before * EACH_MS));
    this.#wait(waiting, id, turn, ms);
    return ms;
  }

  /** Slack did not take it; it comes again after so many ms. */
  sentAway(lane: string, id: string, turn: number, ms: number): void {
    const waiting = this.#lanes.get(lane) ?? new Lane();
    this.#lanes.set(lane, waiting);
    this.#wait(waiting, id, turn, ms);
  }

  /** It was let through, and has to come again after so many ms: it stands where it stood, if others wait at all. */
  keepsPlace(lane: string, id: string, turn: number, ms: number): void {
    const waiting = this.#lanes.get(lane);
    if (waiting !== undefined) this.#wait(waiting, id, turn, ms);
  }

  /** It waits no longer: it was taken, or is not needed any more. */
  done(lane: string, id: string): void {
    const waiting = this.#lanes.get(lane);
    waiting?.leave(id);
    if (waiting?.size === 0) this.#lanes.delete(lane);
  }

  #wait(waiting: Lane, id: string, turn: number, ms: number): void {
    waiting.wait(id, { turn, until: performance.now() + ms + LATE_MS });
  }
}

/** The longest that a card waits at its place of so many: those behind later than those before, so that they do not come at once. */
function longestMs(before: number, size: number): number {
  const longest = size * LOOK_MS;
  return longest <= LONGEST_MS ? LONGEST_MS : Math.min(MOST_MS, longest * (0.5 + before / Math.max(size, before)));
}
