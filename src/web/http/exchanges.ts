import { sourceOf } from '../../domain/source.ts';

/** Answers of the provider that are taken to it at once, in all and from one source. */
const MOST_AT_ONCE = 32;
const MOST_OF_ONE = 8;
/** From one source in a minute. */
const MOST_A_MINUTE = 120;
const WINDOW_MS = 60_000;
/** Sources remembered at once; the oldest are forgotten first. */
const MOST_SOURCES = 5_000;

interface Visits {
  atOnce: number;
  used: number;
  endsAt: number;
}

/**
 * Bounds what anybody can make the gateway ask the provider before they are known. Confirmations of those who are signed in
 * do not count here. Counts are per process.
 */
export class Exchanges {
  readonly #visits = new Map<string, Visits>();
  #atOnce = 0;

  /** What to do when it is over; or the seconds to wait. `address`: where it comes from. */
  enter(address: string | null, now: Date): (() => void) | number {
    const at = now.getTime();
    const source = sourceOf(address);
    const known = this.#visits.get(source);
    const visits: Visits = known ?? { atOnce: 0, used: 0, endsAt: at + WINDOW_MS };
    if (at >= visits.endsAt) Object.assign(visits, { used: 0, endsAt: at + WINDOW_MS });
    if (visits.used >= MOST_A_MINUTE) return Math.max(1, Math.ceil((visits.endsAt - at) / 1_000));
    if (visits.atOnce >= MOST_OF_ONE || this.#atOnce >= MOST_AT_ONCE) return 1;
    visits.used += 1;
    visits.atOnce += 1;
    this.#atOnce += 1;
    this.#visits.delete(source);
    this.#visits.set(source, visits);
    if (this.#visits.size > MOST_SOURCES) this.#visits.delete(this.#visits.keys().next().value!);
    return () => {
      visits.atOnce -= 1;
      this.#atOnce -= 1;
    };
  }
}
