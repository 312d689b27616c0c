/** A tool name with `*` (any run of characters) and `?` (one character). No other character is special. */
export interface Glob {
  readonly text: string;
  /** Everything before the first special character, for a cheap first look. */
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

/** Linear in practice and at worst pattern times name, both at most 128: no pattern hangs. */
export function matches(pattern: Glob, name: string): boolean {
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

/** The longest pattern speaks first; among equals, the one that came first in the file. */
export function longestFirst<T extends { readonly glob: Glob }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => b.glob.text.length - a.glob.text.length);
}
