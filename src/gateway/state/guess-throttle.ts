import { sourceOf } from '../../domain/source.ts';
import type { Clock } from '../../ports.ts';

/** How many wrong credentials in one minute are answered as what they are. */
export interface GuessLimits {
  readonly perSource: number;
  readonly perName: number;
}

/** Wrong credentials of reviewers: at the console's login, the API and the metrics together. */
export const REVIEWER_GUESSES: GuessLimits = { perSource: 10, perName: 60 };
/** Wrong tokens of agents. Nobody says for which grant, so they count by source alone. */
export const AGENT_GUESSES: GuessLimits = { perSource: 30, perName: Number.POSITIVE_INFINITY };

const WINDOW_MS = 60_000;
/** Sources and names remembered at once, each; the oldest are forgotten first. */
const MAX_REMEMBERED = 5_000;

interface Count {
  used: number;
  readonly endsAt: number;
}

/**
 * Counts wrong credentials by where they come from and by the name that they are for. It judges wrong ones only: a door
 * looks at the credential first, which costs one digest, and a right one passes whatever was counted. So nobody can lock
 * anybody out by guessing, and what keeps a token from being found is its length.
 *
 * Counts are kept per process, in bounded memory: with several replicas a guesser has this many attempts at each.
 */
export class GuessThrottle {
  readonly #clock: Clock;
  readonly #limits: GuessLimits;
  readonly #sources = new Map<string, Count>();
  readonly #names = new Map<string, Count>();

  constructor(clock: Clock, limits: GuessLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether so many wrong ones came from `address` that another one would not be answered as such. Counts nothing. */
  isOver(address: string | null): boolean {
    const known = this.#sources.get(sourceOf(address));
    return known !== undefined && known.used >= this.#limits.perSource && this.#clock.now().getTime() < known.endsAt;
  }

  /**
   * A wrong credential came from `address`, for `name`; null: for nobody in particular. Returns null while it is one of
   * the first, and then the seconds after which another one would be.
   */
  wrong(address: string | null, name: string | null): number | null {
    const at = this.#clock.now().getTime();
    const seconds = [use(this.#sources, sourceOf(address), this.#limits.perSource, at)];
    if (name !== null) seconds.push(use(this.#names, name, this.#limits.perName, at));
    const longest = Math.max(...seconds);
    return longest === 0 ? null : longest;
  }
}

/** Counts one. 0 while it is within `most`, else the seconds until the window ends. */
function use(counts: Map<string, Count>, key: string, most: number, at: number): number {
  const known = counts.get(key);
  const count = known !== undefined && at < known.endsAt ? known : { used: 0, endsAt: at + WINDOW_MS };
  count.used += 1;
  counts.delete(key);
  counts.set(key, count);
  if (counts.size > MAX_REMEMBERED) counts.delete(counts.keys().next().value!);
  return count.used <= most ? 0 : Math.max(1, Math.ceil((count.endsAt - at) / 1_000));
}
