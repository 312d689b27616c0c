import { type Period, periodOf, quarterAt, quarterOf } from '../../domain/log/period.ts';

/** The days that are asked about: `quarter`, or `from` and `to`; this quarter where nothing is said. A text: what is wrong. */
export function periodIn(parameter: (name: string) => string | undefined, now: Date): Period | string {
  const [quarter, from, to] = ['quarter', 'from', 'to'].map((name) => parameter(name) || undefined);
  if (from !== undefined || to !== undefined) {
    if (quarter !== undefined) return 'Ask for a quarter, or for from and to.';
    return from === undefined || to === undefined ? 'from and to belong together.' : periodOf(from, to);
  }
  return quarterOf(quarter ?? quarterAt(now)) ?? 'quarter is one such as 2026-Q4.';
}
