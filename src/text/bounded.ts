import { beginning } from './cut.ts';
import { visible } from './visible.ts';

/**
 * A foreign text of at most `limit` characters as a person sees it, where each invisible one takes the six of its
 * escape; so nothing that hides can push the rest out of a bound. A text that is cut says so, and by how many
 * characters (UTF-16 units), after the limit: `… (cut, 1,234 more characters)`.
 */
export function bounded(text: string, limit: number): string {
  // No text gets shorter by being made visible.
  const most = beginning(text, limit);
  const whole = most.length === text.length && visible(text).length <= limit;
  if (whole) return text;
  const kept = beginning(most, longestThatFits(most, limit));
  return `${kept}… (cut, ${(text.length - kept.length).toLocaleString('en-US')} more characters)`;
}

/** UTF-16 units of the longest beginning that is at most `limit` characters long once it is visible. */
function longestThatFits(text: string, limit: number): number {
  let [fits, tooLong] = [0, text.length + 1];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (visible(beginning(text, middle)).length <= limit) fits = middle;
    else tooLong = middle;
  }
  return fits;
}
