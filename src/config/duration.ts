const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;
const PART = /(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)/y;

/** Ten years: more is a slip of the finger, and no timer or date likes it. */
const LONGEST = 3_660 * UNITS.d;

export const DURATION_FORM = 'a duration such as 500ms, 50s, 30m, 1h or 7d';

/** `30m` as milliseconds. Null when it is not written so, is zero, or is longer than ten years. */
export function duration(text: string): number | null {
  const parts = DURATION.exec(text);
  if (parts === null) return null;
  return bounded(Number(parts[1]) * UNITS[parts[2] as keyof typeof UNITS]);
}

/** Go's `1h30m`, as Intercept's files write it. */
export function goDuration(text: string): number | null {
  let sum = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (part === null) return null;
    sum += Number(part[1]) * UNITS[part[2] as keyof typeof UNITS];
  }
  return bounded(Math.round(sum));
}

function bounded(ms: number): number | null {
  return ms > 0 && ms <= LONGEST ? ms : null;
}
