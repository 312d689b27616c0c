/** A tool name with `*` (any run of characters) and `?` (one character). No other character is special. */
export interface Glob {
  readonly text: string;
  /** Everything before the first special character, for a cheap first check. */
  readonly prefix: string;
}

const KEY = /^[A-Za-z0-9_./*?-]{1,128}$/;

/** Whether a key of `tools` or an entry of `hide` could ever match a tool. */
export function isToolPattern(text: string): boolean {
  return KEY.test(text);
}

export function isGlob(text: string): boolean {
  return /[*?]/.test(text);
}

export function glob(text: string): Glob {
  return { text, prefix: text.slice(0, text.search(/[*?]/)) };
}

/**
 * Linear in practice; at worst the length of the pattern times that of the name, both at most 128. No pattern hangs.
 */
export function matchesGlob(pattern: Glob, name: string): boolean {
  if (!name.startsWith(pattern.prefix)) return false;
  const { text } = pattern;
  let [t, n, star, mark] = [pattern.prefix.length, pattern.prefix.length, -1, 0];
  while (n < name.length) {
    if (text[t] === '*') {
      star = t++;
      mark = n;
    } else if (t < text.length && (text[t] === '?' || text[t] === name[n])) {
      t++;
      n++;
    } else if (star >= 0) {
      t = star + 1;
      n = ++mark;
    } else return false;
  }
  while (text[t] === '*') t++;
  return t === text.length;
}

/** Sorts the longest pattern first; among equals, the one that comes first in the file. */
export function longestFirst<T extends { readonly glob: Glob }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => b.glob.text.length - a.glob.text.length);
}
