import { DAY_MS, dayOf } from '../../time/day.ts';

/** Days, both inclusive, as `2026-11-30`. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

/** The most days of a report. */
export const MOST_DAYS = 366;
const DAY = /^\d{4}-\d\d-\d\d$/;
const QUARTER = /^(\d{4})-Q([1-4])$/;

/** The days of `2026-Q4`; null: it is no quarter. */
export function quarterOf(text: string): Period | null {
  const found = QUARTER.exec(text);
  if (found === null) return null;
  const [year, first] = [Number(found[1]), (Number(found[2]) - 1) * 3];
  return { from: dayOf(new Date(Date.UTC(year, first, 1))), to: dayOf(new Date(Date.UTC(year, first + 3, 0))) };
}

/** The quarter of this time (UTC), as `2026-Q4`. */
export function quarterAt(at: Date): string {
  return `${at.getUTCFullYear()}-Q${Math.floor(at.getUTCMonth() / 3) + 1}`;
}

/** The days from one to another; a text: what is wrong with them. */
export function periodOf(from: string, to: string): Period | string {
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  const isDay = (text: string, ms: number): boolean =>
    DAY.test(text) && !Number.isNaN(ms) && dayOf(new Date(ms)) === text;
  if (!isDay(from, begin) || !isDay(to, end)) return 'from and to are days such as 2026-10-01.';
  if (end < begin) return 'to is a day before from.';
  if ((end - begin) / DAY_MS >= MOST_DAYS) return `A report is for at most ${MOST_DAYS} days.`;
  return { from, to };
}

/** The last so many days, today among them. */
export function lastDays(days: number, now: Date): Period {
  return { from: dayOf(new Date(now.getTime() - (days - 1) * DAY_MS)), to: dayOf(now) };
}
