/** Bytes of request bodies that one grant may have on their way here at once; at least two of the longest. */
const MOST_UNREAD = 32 * 1024 * 1024;
/** Bodies up to this many bytes count apart, so that a grant's long ones do not keep its small ones waiting. */
const SMALL = 64 * 1024;
/** Bytes of small bodies that one grant may have on their way here at once. */
const MOST_UNREAD_SMALL = 8 * 1024 * 1024;
/** Milliseconds for which a body waits, unread, for room while nothing of those before it arrives. */
const PATIENCE_MS = 10_000;

/** A body that waits for room. */
interface WaitingBody {
  readonly bytes: number;
  readonly admit: () => void;
}

/** What one grant has on its way, of one of the two sizes. */
interface OnTheWay {
  bytes: number;
  readonly waiting: WaitingBody[];
  /** Of each body that is being read, how many bytes have come on its connection. */
  readonly reading: Set<() => number>;
  /** Bodies that have ended. */
  ended: number;
}

/** The grant has as much on its way as it may, and nothing more of it came in time. */
export interface UnreadFull {
  /** Bytes that the grant may have on its way. */
  readonly most: number;
  /** Seconds after which to try again. */
  readonly retryAfter: number;
}

/**
 * What each grant may have unread in this process: without a bound, a hundred bodies that never end would hold
 * hundreds of megabytes. A body gets room for all of its announced length before any of it is read, so that those which
 * are being read can always end. Those that find no room wait in their order, and wait in their sockets, not in memory.
 */
export class UnreadBodies {
  readonly #most: number;
  readonly #longest: number;
  readonly #patienceMs: number;
  readonly #small = new Map<string, OnTheWay>();
  readonly #large = new Map<string, OnTheWay>();

  /** `longest`: bytes of the longest body. `patienceMs`: 10 s where absent. */
  constructor(longest: number, patienceMs: number = PATIENCE_MS) {
    this.#most = Math.max(MOST_UNREAD, longest * 2);
    this.#longest = longest;
    this.#patienceMs = patienceMs;
  }

  /** Bytes that this grant has on its way. */
  unreadOf(grant: string): number {
    return (this.#small.get(grant)?.bytes ?? 0) + (this.#large.get(grant)?.bytes ?? 0);
  }

  /**
   * Room for a body of this announced length; null: it announces none, and gets room for the longest. Returns a
   * function that gives the room back, to be called once. While there is no room it waits as long as what was there
   * before it goes on, and no longer than the sender does, as its `signal` tells; where there is room it is given at once.
   * `arrived`: bytes that have come on its connection; absent where nobody counts them.
   */
  begin(
    grant: string,
    announced: number | null,
    signal: () => AbortSignal,
    arrived: () => number = () => 0,
  ): (() => void) | Promise<(() => void) | UnreadFull> {
    const bytes = Math.min(announced ?? this.#longest, this.#longest);
    const small = bytes <= SMALL;
    const [grants, most] = small ? [this.#small, MOST_UNREAD_SMALL] : [this.#large, this.#most];
    const here = grants.get(grant) ?? { bytes: 0, waiting: [], reading: new Set(), ended: 0 };
    grants.set(grant, here);
    const begun = (): (() => void) => {
      here.reading.add(arrived);
      return () => {
        here.reading.delete(arrived);
        here.ended += 1;
        here.bytes -= bytes;
        admitWaiting(here, most);
        if (here.bytes === 0 && here.waiting.length === 0) grants.delete(grant);
      };
    };
    if (here.waiting.length === 0 && here.bytes + bytes <= most) {
      here.bytes += bytes;
      return begun();
    }
    return this.#waitFor(here, bytes, signal()).then((admitted) =>
      admitted ? begun() : { most, retryAfter: Math.ceil(this.#patienceMs / 1_000) },
    );
  }

  /** False: no room came in time, or the sender went away. */
  #waitFor(here: OnTheWay, bytes: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (admitted: boolean): void => {
        clearInterval(timer);
        signal.removeEventListener('abort', leave);
        resolve(admitted);
      };
      const leave = (): void => {
        here.waiting.splice(here.waiting.indexOf(body), 1);
        end(false);
      };
      const body: WaitingBody = { bytes, admit: () => end(true) };
      let before = progressOf(here);
      const timer = setInterval(() => {
        const now = progressOf(here);
        if (now === before) leave();
        before = now;
      }, this.#patienceMs);
      here.waiting.push(body);
      signal.addEventListener('abort', leave);
      if (signal.aborted) leave();
    });
  }
}

/** Another text whenever something of the bodies that are being read has come, or one of them has ended. */
function progressOf({ reading, ended }: OnTheWay): string {
  let arrived = 0;
  for (const count of reading) arrived += count();
  return `${ended} ${arrived}`;
}

/** In their order: a long one is not passed by shorter ones for ever. */
function admitWaiting(here: OnTheWay, most: number): void {
  for (let next = here.waiting[0]; next !== undefined && here.bytes + next.bytes <= most; next = here.waiting[0]) {
    here.waiting.shift();
    here.bytes += next.bytes;
    next.admit();
  }
}
