/** The windows of a rate of openings, in seconds. */
export const OPENING_WINDOWS = { second: 1, minute: 60, hour: 3_600 } as const;

/** How often a grant may open something: `max` times in any stretch of this length, however it lies. */
export interface OpeningRate {
  readonly max: number;
  readonly per: keyof typeof OPENING_WINDOWS;
}

/** Callers that may wait for one approval at a time. */
export const MOST_CALLERS = 50;
/** Callers that may join one approval in a minute, those that have left again included. */
export const MOST_JOINS_A_MINUTE = 60;
/** Callers that a grant may have waiting at a time, for each approval that it may have pending. */
export const CALLERS_PER_PENDING = 10;
