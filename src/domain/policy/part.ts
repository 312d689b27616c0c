import type { Take } from './limit.ts';

/** Windows of fewer calls stay exact: each call asks the database. */
const LEAST_MAX = 100;
/** One process holds at most this fraction of a window: with two others that hold as much, 96 % are within the third's reach. */
const FRACTION = 50;
/** Calls that one process holds of one counter at most. */
const MOST_HELD = 1_000;
/** Calls that are asked for first. */
const FIRST_ASKED = 32;
/** Smaller parts are used up to a quarter before the next is asked for: otherwise each call would ask. */
const SMALL = 8;
/** A part that was used up within this many ms is followed by one of twice its size. */
const QUICK_MS = 1_000;

/** A moment by two clocks of one process, in ms: one that nobody sets, and one that goes on while the machine sleeps. */
export interface Moment {
  readonly steady: number;
  readonly wall: number;
}

/** Whether calls may be counted against a part that was taken in advance: each takes exactly one, of a wide window. */
export function takesFromParts(take: Take): boolean {
  return take.by === '1' && mostHeld(take.max) > 0;
}

/** How many calls of a window with this maximum one process holds at most, in all of its parts; 0: the window stays exact. */
export function mostHeld(max: string): number {
  const most = Number(max);
  return most >= LEAST_MAX ? Math.min(MOST_HELD, Math.floor(most / FRACTION)) : 0;
}

/**
 * How large parts become. `before`: what was asked for last time; null: nothing was. `sinceMs`: how long ago. What is used up
 * quickly doubles, and what lasts becomes smaller, so that a slow caller keeps little from others.
 */
export function paceAfter(before: number | null, sinceMs: number, max: string): number {
  const pace = before === null ? FIRST_ASKED : sinceMs < QUICK_MS ? before * 2 : Math.max(FIRST_ASKED, before / 2);
  return Math.min(Math.floor(pace), mostHeld(max));
}

/** Whether so little is left that the next part should be asked for before calls have to wait for it. */
export function runsLow(left: number, pace: number): boolean {
  return left <= pace / (pace < SMALL ? 4 : 2);
}

/** The moment this many ms after another, by both clocks. */
export function momentAfter({ steady, wall }: Moment, ms: number): Moment {
  return { steady: steady + ms, wall: wall + ms };
}

/** Whether it is earlier by both clocks: setting one of them makes nothing last longer. */
export function isBefore(moment: Moment, end: Moment): boolean {
  return moment.steady < end.steady && moment.wall < end.wall;
}
