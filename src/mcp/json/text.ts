/**
 * Finds positions in JSON text that is known to be valid, so that parts of it can be cut out and forwarded unchanged.
 * Nothing here recurses: an upstream's answer may be nested to any depth.
 */

/** A range of UTF-16 units; `end` is excluded. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A member of an object: its key, and the range of its value. */
export interface MemberSpan extends Span {
  readonly key: string;
  /** Index of the key's opening quote. `start` and `end` are the value's. */
  readonly keyStart: number;
}

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const COMMA = 0x2c;
export const COLON = 0x3a;

/** The index of the first character from `at` on that is not JSON whitespace. */
export function afterWhitespace(text: string, at: number): number {
  let i = at;
  for (;;) {
    const c = text.charCodeAt(i);
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return i;
    i++;
  }
}

/** The index after the string whose opening quote is at `at`. Throws when the string does not end. */
export function afterString(text: string, at: number): number {
  for (let i = at + 1; i < text.length; ) {
    for (const short = Math.min(i + SHORT, text.length); i < short; ) {
      const c = text.charCodeAt(i);
      if (c === QUOTE) return i + 1;
      i += c === BACKSLASH ? 2 : 1;
    }
    const quote = text.indexOf('"', i);
    if (quote === -1) break;
    let slash = quote;
    while (slash > i && text.charCodeAt(slash - 1) === BACKSLASH) slash -= 1;
    if (isEven(quote - slash)) return quote + 1;
    i = quote + 1;
  }
  throw new Error('JSON text ends inside a string');
}

/** Of a string, this much is read character by character; the end of a longer one is searched for, many times as fast. */
const SHORT = 64;

/** Of backslashes before a quote, each second one is escaped by the one before it. */
const isEven = (count: number): boolean => count % 2 === 0;

/** The index after the string whose opening quote is at `quote`, or the end of the bytes. */
export function afterStringBytes(bytes: Uint8Array, quote: number): number {
  for (let i = quote + 1; i < bytes.length; ) {
    for (const short = Math.min(i + SHORT, bytes.length); i < short; ) {
      const c = bytes[i];
      if (c === QUOTE) return i + 1;
      i += c === BACKSLASH ? 2 : 1;
    }
    const next = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(QUOTE, i);
    if (next === -1) break;
    let slash = next;
    while (slash > i && bytes[slash - 1] === BACKSLASH) slash -= 1;
    if (isEven(next - slash)) return next + 1;
    i = next + 1;
  }
  return bytes.length;
}

/** The index after the number, `true`, `false` or `null` that begins at `at`. */
export function afterWord(text: string, at: number): number {
  let i = at;
  while (i < text.length) {
    const c = text.charCodeAt(i);
    if (c === COMMA || c === CLOSE_OBJECT || c === CLOSE_ARRAY || c <= 0x20) break;
    i++;
  }
  return i;
}

/** The index after the value that begins at `at`. Throws when the value does not end. */
export function afterValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return afterString(text, at);
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return afterWord(text, at);
  let depth = 0;
  for (let i = at; i < text.length; ) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      i = afterString(text, i);
      continue;
    }
    i++;
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) depth++;
    else if ((c === CLOSE_OBJECT || c === CLOSE_ARRAY) && --depth === 0) return i;
  }
  throw new Error('JSON text ends inside a value');
}

/** The value of the string token from `start` to `end`, with its escapes decoded. */
export function unquote(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  return inner.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : inner;
}

/** The members of the object that begins at `at`; none when another value begins there. */
export function* membersAt(text: string, at: number): Generator<MemberSpan> {
  if (text.charCodeAt(at) !== OPEN_OBJECT) return;
  let i = afterWhitespace(text, at + 1);
  while (text.charCodeAt(i) === QUOTE) {
    const keyEnd = afterString(text, i);
    const start = afterWhitespace(text, afterWhitespace(text, keyEnd) + 1);
    const end = afterValue(text, start);
    yield { key: unquote(text, i, keyEnd), keyStart: i, start, end };
    i = afterWhitespace(text, end);
    if (text.charCodeAt(i) !== COMMA) return;
    i = afterWhitespace(text, i + 1);
  }
}

/** The elements of the array that begins at `at`; none when another value begins there. */
export function* elementsAt(text: string, at: number): Generator<Span> {
  if (text.charCodeAt(at) !== OPEN_ARRAY) return;
  let i = afterWhitespace(text, at + 1);
  while (i < text.length && text.charCodeAt(i) !== CLOSE_ARRAY) {
    const end = afterValue(text, i);
    yield { start: i, end };
    i = afterWhitespace(text, end);
    if (text.charCodeAt(i) !== COMMA) return;
    i = afterWhitespace(text, i + 1);
  }
}

/**
 * The range of the value at `path`, without the whitespace around it; null when there is no such value. Array indices
 * are decimal strings. Of duplicate keys the last one counts, as in `JSON.parse`.
 */
export function spanOf(text: string, path: readonly string[]): Span | null {
  const start = afterWhitespace(text, 0);
  let span: Span = { start, end: afterValue(text, start) };
  for (const step of path) {
    const next = stepInto(text, span.start, step);
    if (next === null) return null;
    span = next;
  }
  return { start: span.start, end: span.end };
}

function stepInto(text: string, at: number, step: string): Span | null {
  if (text.charCodeAt(at) === OPEN_OBJECT) {
    let found: Span | null = null;
    for (const member of membersAt(text, at)) if (member.key === step) found = member;
    return found;
  }
  let index = 0;
  for (const element of elementsAt(text, at)) if (String(index++) === step) return element;
  return null;
}
