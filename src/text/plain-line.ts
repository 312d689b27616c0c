import { beginning } from './cut.ts';
import { replaceInkless } from './deceptive.ts';

/** A foreign text on one line, at most 200 UTF-16 units: what breaks lines, hides or reorders becomes a space. */
export function plainLine(text: string): string {
  return beginning(replaceInkless(text, () => '\n').replace(/\n+/g, ' '), LONGEST);
}

const LONGEST = 200;
