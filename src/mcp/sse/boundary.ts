/** A line feed, and a carriage return. */
export const LF = 0x0a;
export const CR = 0x0d;

const NONE = 0;
/** EF BB BF, which is read as nothing at the beginning of a stream only. */
const MARK = [0xef, 0xbb, 0xbf] as const;

/**
 * Knows of a stream of events as it is passed on whether it is between two events, where a comment may be written. It
 * looks at the last bytes only, so it costs the same for every length.
 */
export class EventBoundary {
  #before = LF as number;
  #last = LF as number;
  #first = LF as number;
  #hasBegun = false;

  /** Bytes that are passed on next. */
  pass(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length === 0) return;
    this.#hasBegun = true;
    if (length >= 3) this.#first = bytes[length - 3] ?? NONE;
    else this.#first = length === 2 ? this.#last : this.#before;
    this.#before = length >= 2 ? (bytes[length - 2] ?? NONE) : this.#last;
    this.#last = bytes[length - 1] ?? NONE;
  }

  /** What was passed on ends with a blank line, or is nothing. After a CR alone, an LF may still belong to the event. */
  get isBetween(): boolean {
    const [first, before, last] = [this.#first, this.#before, this.#last];
    if (last === LF) return before === LF || (before === CR && (first === LF || first === CR));
    return last === CR && before === CR && first !== LF;
  }

  /** The stream's first bytes as they are passed on behind a comment: without a byte order mark. */
  behindComment(bytes: Uint8Array): Uint8Array {
    const isMarked = !this.#hasBegun && MARK.every((byte, at) => bytes[at] === byte);
    return isMarked ? bytes.subarray(MARK.length) : bytes;
  }
}
