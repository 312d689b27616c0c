const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const SMALL_E = 0x65;

const BEGIN = 0;
const AFTER_MINUS = 1;
const AFTER_ZERO = 2;
const IN_WHOLE = 3;
const AFTER_POINT = 4;
const IN_FRACTION = 5;
const AFTER_E = 6;
const AFTER_SIGN = 7;
const IN_EXPONENT = 8;

/** Reads a number of JSON byte by byte and keeps nothing of it, so that it may be of any length and come in pieces. */
export class NumberReader {
  #state = BEGIN;

  begin(): void {
    this.#state = BEGIN;
  }

  /** The index of the first byte from `at` on that does not belong to the number, or `end`. */
  read(bytes: Uint8Array, at: number, end: number): number {
    let i = at;
    let state = this.#state;
    for (; i < end; i += 1) {
      const next = after(state, bytes[i]!);
      if (next === null) break;
      state = next;
    }
    this.#state = state;
    return i;
  }

  /** Whether what has been read is a number. */
  get isComplete(): boolean {
    const state = this.#state;
    return state === AFTER_ZERO || state === IN_WHOLE || state === IN_FRACTION || state === IN_EXPONENT;
  }
}

/** What comes of `state` with this byte; null: it does not belong to the number. */
function after(state: number, c: number): number | null {
  if (c >= ZERO && c <= NINE) return afterDigit(state, c);
  switch (state) {
    case BEGIN:
      return c === MINUS ? AFTER_MINUS : null;
    case AFTER_E:
      return c === PLUS || c === MINUS ? AFTER_SIGN : null;
    case AFTER_ZERO:
    case IN_WHOLE:
      if (c === POINT) return AFTER_POINT;
      return (c | 0x20) === SMALL_E ? AFTER_E : null;
    case IN_FRACTION:
      return (c | 0x20) === SMALL_E ? AFTER_E : null;
    default:
      return null;
  }
}

function afterDigit(state: number, c: number): number | null {
  if (state <= AFTER_MINUS) return c === ZERO ? AFTER_ZERO : IN_WHOLE;
  // A number does not begin with a zero that others follow.
  if (state === AFTER_ZERO) return null;
  if (state === IN_WHOLE) return IN_WHOLE;
  return state <= IN_FRACTION ? IN_FRACTION : IN_EXPONENT;
}
