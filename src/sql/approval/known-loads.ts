/** Grants whose loads are remembered. */
const MOST_GRANTS = 10_000;
/**
 * Milliseconds for which a count is built on. Openings are forgotten an hour later, so their numbers since are all there; and
 * whatever else went wrong with it lasts no longer.
 */
const LASTS_MS = 10 * 60_000;

/** What was counted of a grant under its lock, and up to which opening. Numbers as the database writes them. */
export interface CountedLoad {
  /** The number of the grant's last opening then, and the bytes that were asked for up to it. */
  readonly seq: string;
  readonly total: string;
  readonly pending: number;
  /** Bytes of kept requests. */
  readonly requests: string;
}

/**
 * What this process counted last of each grant. Every opening since, at whatever replica, has a later number: together they
 * are the most that there can be now, and as long as that is within the limits nothing is counted.
 */
export class KnownLoads {
  readonly #loads = new Map<string, CountedLoad & { readonly at: number }>();

  /** null: it is to be counted. */
  find(grant: string): CountedLoad | null {
    const load = this.#loads.get(grant);
    return load === undefined || performance.now() - load.at >= LASTS_MS ? null : load;
  }

  counted(grant: string, load: CountedLoad): void {
    if (this.#loads.size >= MOST_GRANTS) this.#loads.clear();
    this.#loads.set(grant, { ...load, at: performance.now() });
  }
}
