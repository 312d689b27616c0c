/** A call that is remembered, because a policy has a condition on it. */
export interface Memory {
  /** Whose, which calls, and what is true of them: a text that names the place in which it is looked for. */
  readonly place: string;
  /** How the log finds the call. */
  readonly ref: string;
  /** When it began, or ended. */
  readonly at: Date;
  /** Until then somebody may ask for it. */
  readonly until: Date;
}

/** What is remembered of calls, as it was read. */
export interface RememberedPlaces {
  /** The database's time when they were read. */
  readonly now: Date;
  /** The latest of each place, newest first; `broken`: something there was not written by a gateway. */
  readonly found: ReadonlyMap<string, readonly Memory[] | 'broken'>;
}

/** Calls that policies ask for later. Throws `Unavailable('store')`. */
export interface Memories {
  /**
   * Remembers the calls, durably; one that is remembered in its place already gets the new time. Refuses what is later
   * than the database's clock by more than 5 s, because its time would not be true.
   */
  remember(memories: readonly Memory[]): Promise<void>;
  /** Reads these places. */
  read(places: readonly string[]): Promise<RememberedPlaces>;
  /** Forgets what nobody can ask for any more. */
  forget(limit: number): Promise<void>;
}
