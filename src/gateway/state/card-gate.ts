import { OpenDigests } from './open-digests.ts';

/** The lane of cards that are not posted yet. */
export function postsOf({ server }: { readonly server: string }): string {
  return `posts ${server}`;
}

const UPDATES = 'updates ';

/** The lane of those that are posted. */
export function updatesOf({ server }: { readonly server: string }): string {
  return `${UPDATES}${server}`;
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
  /** Its turn, and among those of the same turn who came first. */
  readonly place: number;
  /** In ms of `performance.now()`. */
  readonly until: number;
}

/** Cards of one turn that have a place of their own; turns are at most 2,097,152. */
const MOST_PLACES = 2 ** 31;

/** The cards that wait in one lane, with their places in order. */
class Lane {
  readonly #cards = new Map<string, WaitingCard>();
  readonly #places: number[] = [];
  #searched = 0;
  #came = 0;
  /** Until when Slack takes none, as it said last; in ms of `performance.now()`. */
  #awayUntil = 0;

  get size(): number {
    return this.#cards.size;
  }

  /** The turn with which it waits; undefined: it does not. */
  turnOf(id: string): number | undefined {
    return this.#cards.get(id)?.turn;
  }

  /** How many others wait with a lower turn, or, as long as Slack takes none, with the same and since before. */
  before(id: string, turn: number, now: number): number {
    if (now - this.#searched >= SEARCH_MS) this.#forgetLate(now);
    const own = this.#cards.get(id);
    const isAway = now < this.#awayUntil;
    if (isAway && own?.turn === turn) return indexIn(this.#places, own.place);
    const front = isAway ? (turn + 1) * MOST_PLACES - 1 : turn * MOST_PLACES;
    return indexIn(this.#places, front) - (own !== undefined && own.place < front ? 1 : 0);
  }

  away(until: number): void {
    this.#awayUntil = Math.max(this.#awayUntil, until);
  }

  /** Until then; who waits already with this turn keeps its place. */
  wait(id: string, turn: number, until: number): void {
    const own = this.#cards.get(id);
    this.leave(id);
    this.#came = (this.#came + 1) % (MOST_PLACES - 1);
    const place = own?.turn === turn ? own.place : turn * MOST_PLACES + this.#came;
    this.#cards.set(id, { turn, place, until });
    this.#places.splice(indexIn(this.#places, place), 0, place);
  }

  leave(id: string): void {
    const card = this.#cards.get(id);
    if (card === undefined) return;
    this.#cards.delete(id);
    this.#places.splice(indexIn(this.#places, card.place), 1);
  }

  #forgetLate(now: number): void {
    this.#searched = now;
    for (const [id, { until }] of this.#cards) if (until < now) this.leave(id);
  }
}

/** How many of the sorted numbers are lower. */
function indexIn(sorted: readonly number[], number: number): number {
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
 * would be one of sixty. So while cards wait, only those try that at most two others wait before: with a lower turn, or, until Slack takes more as it
 * said, with the same and since before. A thousand calls that were decided in a moment have all the first turn.
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

  /**
   * The same of a card that waits for an update with this turn already, without a look at what it is by now: whatever that
   * is, it is shown when its place has come. 0: it does not wait, or may try.
   */
  waitsStillMs(id: string, turn: number): number {
    for (const [lane, waiting] of this.#lanes) {
      if (lane.startsWith(UPDATES) && waiting.turnOf(id) === turn) return this.waitMs(lane, id, turn);
    }
    return 0;
  }

  /** Slack did not take it; it comes again after so many ms. */
  sentAway(lane: string, id: string, turn: number, ms: number): void {
    const waiting = this.#lanes.get(lane) ?? new Lane();
    this.#lanes.set(lane, waiting);
    waiting.away(performance.now() + ms);
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
    waiting.wait(id, turn, performance.now() + ms + LATE_MS);
  }
}

/** The longest that a card waits at its place of so many: those behind later than those before, so that they do not come at once. */
function longestMs(before: number, size: number): number {
  const longest = size * LOOK_MS;
  return longest <= LONGEST_MS ? LONGEST_MS : Math.min(MOST_MS, longest * (0.5 + before / Math.max(size, before)));
}
