import type { Key } from './fault.ts';
import { type FaultList, isNow } from './shape.ts';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;
const PART = /(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)/y;

/** Ten years. More is a typing error, and timers and dates cannot take it. */
const LONGEST = 3_660 * UNITS.d;

export const DURATION_FORM = 'a duration such as 500ms, 50s, 30m, 1h or 7d';

/** `30m` in milliseconds. Null when it is not written like that, is zero, or is longer than ten years. */
export function parseDuration(text: string): number | null {
  const parts = DURATION.exec(text);
  if (parts === null) return null;
  return bounded(Number(parts[1]) * UNITS[parts[2] as keyof typeof UNITS]);
}

/** Go's `1h30m` in milliseconds, as Intercept's files write durations. Null as above. */
export function parseGoDuration(text: string): number | null {
  let sum = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (part === null) return null;
    sum += Number(part[1]) * UNITS[part[2] as keyof typeof UNITS];
  }
  return bounded(Math.round(sum));
}

/** A duration of a document in milliseconds; null when absent, or, with a fault, when it is not a duration. */
export function durationMs(text: string | undefined, at: readonly Key[], faults: FaultList): number | null {
  if (text === undefined) return null;
  const parsed = parseDuration(text);
  if (parsed === null) faults.add(at, isNow(text), DURATION_FORM);
  return parsed;
}

function bounded(ms: number): number | null {
  return ms > 0 && ms <= LONGEST ? ms : null;
}
