import { MAX_DEPTH } from './scan.ts';
import { afterStringBytes, CLOSE_ARRAY, CLOSE_OBJECT, COLON, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from './text.ts';

/** Values that one body may hold: members of objects and elements of lists, at every depth. */
export const MOST_VALUES = 100_000;
/** Named members that one body may hold. A member costs many times what an element of a list does. */
export const MOST_MEMBERS = 50_000;
/** Longest name of a member, in bytes of its JSON text. */
export const LONGEST_NAME = 4_096;
/** Longest number, in characters. */
export const LONGEST_NUMBER = 1_024;

/**
 * Why a body is more work than a request may be, in words for its sender; null when it is not. Looks at the bytes once,
 * before they are parsed, and does not ask whether they are JSON. Stops at the first bound that is passed.
 */
export function excessIn(bytes: Uint8Array): string | null {
  let values = 0;
  let members = 0;
  let depth = 0;
  /** Bytes of the string that ended last: a name, if a colon follows. */
  let stringLength = 0;
  for (let i = 0; i < bytes.length; ) {
    const c = bytes[i];
    if (c === QUOTE) {
      const end = afterStringBytes(bytes, i);
      stringLength = end - i - 2;
      i = end;
    } else if (c === COMMA || c === OPEN_OBJECT || c === OPEN_ARRAY) {
      values += 1;
      if (values > MOST_VALUES) return `it holds more than ${MOST_VALUES} values; send it in several requests`;
      if (c !== COMMA) depth += 1;
      if (depth > MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH} levels; nest less`;
      i += 1;
    } else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) {
      depth -= 1;
      i += 1;
    } else if (c === COLON) {
      members += 1;
      if (members > MOST_MEMBERS)
        return `it holds more than ${MOST_MEMBERS} named members; send it in several requests`;
      if (stringLength > LONGEST_NAME) return `a member's name is longer than ${LONGEST_NAME} bytes; shorten it`;
      i += 1;
    } else if (isInWord(c)) {
      const end = afterWordBytes(bytes, i, LONGEST_NUMBER + 1);
      if (end - i > LONGEST_NUMBER)
        return `a number has more than ${LONGEST_NUMBER} characters; send a shorter one, or a string where it is no id`;
      i = end;
    } else i += 1;
  }
  return null;
}

/** The end of the word, looked for in `most` bytes. */
function afterWordBytes(bytes: Uint8Array, at: number, most: number): number {
  let i = at;
  while (i < Math.min(bytes.length, at + most) && isInWord(bytes[i])) i += 1;
  return i;
}

/** Whether the byte belongs to a number, `true`, `false` or `null`. */
function isInWord(c: number | undefined): boolean {
  return (
    c !== undefined &&
    c > 0x20 &&
    c !== COMMA &&
    c !== COLON &&
    c !== QUOTE &&
    c !== OPEN_OBJECT &&
    c !== CLOSE_OBJECT &&
    c !== OPEN_ARRAY &&
    c !== CLOSE_ARRAY
  );
}
