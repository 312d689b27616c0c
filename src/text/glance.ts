import { beginning, cut } from './cut.ts';
import { visible } from './visible.ts';

/**
 * A foreign text at a glance: at most `limit` UTF-16 units as a person sees it. No text gets shorter by being made safe, so
 * only what may be shown is looked at, however long the text is. `safe`: makes it safe to show.
 */
export function glance(text: string, limit: number, safe: (text: string) => string = visible): string {
  // More than is shown, whichever half of a character the beginning ends with.
  return cut(safe(beginning(text, limit + 2)), limit);
}
