import { ENVELOPE, isDisguised, PARAMS } from '../protocol/names.ts';
import { isExact } from './exact-number.ts';
import {
  afterBlanks,
  afterString,
  afterWord,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
} from './text.ts';

/** Deepest nesting of objects and arrays that passes. */
export const MAX_DEPTH = 64;

/** Objects up to this many members are searched for duplicates without a set. */
const FEW = 8;
/** A number token this short has at most 15 digits, which every double keeps, unless it has an exponent. */
const SHORT_NUMBER = 15;

export interface Scan {
  /** Why readers could disagree about this text, for people; null when they cannot. */
  readonly fault: string | null;
  /** JSON pointer to the first number a double cannot keep exactly, or string with a lone surrogate; null: none. */
  readonly inexact: string | null;
  /** The message's `id` as it is written; null when it has none. */
  readonly idText: string | null;
}

/**
 * One pass over text that `JSON.parse` has accepted, for what it forgives: duplicate keys, endless nesting, numbers it
 * rounds, and names that another reader would take for the protocol's own.
 */
export function scan(text: string): Scan {
  const scanner = new Scanner(text);
  scanner.value(ENVELOPE, 1);
  return { fault: scanner.fault, inexact: scanner.inexact, idText: scanner.idText };
}

class Scanner {
  fault: string | null = null;
  inexact: string | null = null;
  idText: string | null = null;
  readonly #text: string;
  #at = 0;
  /** Keys and indices on the way to the current value; what lies deeper is stale. */
  readonly #path: (string | number)[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** `names`: the protocol's names for an object's members here; null where every name is the caller's own. */
  value(names: ReadonlySet<string> | null, depth: number): void {
    this.#at = afterBlanks(this.#text, this.#at);
    const c = this.#text.charCodeAt(this.#at);
    if (c === QUOTE) this.#string(depth);
    else if (c === OPEN_OBJECT) this.#object(names, depth);
    else if (c === OPEN_ARRAY) this.#array(depth === 1 ? names : null, depth);
    else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) this.#number(depth);
    else this.#at = afterWord(this.#text, this.#at);
  }

  #object(names: ReadonlySet<string> | null, depth: number): void {
    if (!this.#enter(depth)) return;
    const seen = new SeenKeys();
    while (this.#text.charCodeAt(this.#at) !== CLOSE_OBJECT) {
      const key = this.#string(depth);
      this.#path[depth - 1] = key;
      if (seen.again(key)) this.fault = `duplicate key at ${this.#pointer(depth)}`;
      else if (names !== null && isDisguised(key, names)) {
        this.fault = `${this.#pointer(depth)} is spelt almost like a name of the protocol`;
      }
      if (this.fault !== null) return;
      this.#at = afterBlanks(this.#text, afterBlanks(this.#text, this.#at) + 1);
      const start = this.#at;
      this.value(names === ENVELOPE && key === 'params' ? PARAMS : null, depth + 1);
      if (this.fault !== null) return;
      if (depth === 1 && key === 'id') this.idText = this.#text.slice(start, this.#at);
      this.#next();
    }
    this.#at++;
  }

  #array(names: ReadonlySet<string> | null, depth: number): void {
    if (!this.#enter(depth)) return;
    for (let index = 0; this.#text.charCodeAt(this.#at) !== CLOSE_ARRAY; index++) {
      this.#path[depth - 1] = index;
      this.value(names, depth + 1);
      if (this.fault !== null) return;
      this.#next();
    }
    this.#at++;
  }

  #enter(depth: number): boolean {
    if (depth > MAX_DEPTH) this.fault = `nested deeper than ${MAX_DEPTH} levels`;
    else this.#at = afterBlanks(this.#text, this.#at + 1);
    return this.fault === null;
  }

  /** Past the comma, if there is one, to the next member or the end. */
  #next(): void {
    this.#at = afterBlanks(this.#text, this.#at);
    if (this.#text.charCodeAt(this.#at) === COMMA) this.#at = afterBlanks(this.#text, this.#at + 1);
  }

  #string(depth: number): string {
    const start = this.#at;
    this.#at = afterString(this.#text, start);
    const inner = this.#text.slice(start + 1, this.#at - 1);
    // Unescaped text came out of a strict UTF-8 decoder: only an escape can make a lone surrogate.
    if (!inner.includes('\\')) return inner;
    const said = JSON.parse(this.#text.slice(start, this.#at)) as string;
    if (this.inexact === null && !said.isWellFormed()) this.inexact = this.#pointer(depth - 1);
    return said;
  }

  #number(depth: number): void {
    const start = this.#at;
    this.#at = afterWord(this.#text, start);
    if (this.inexact !== null) return;
    const token = this.#text.slice(start, this.#at);
    if (token.length <= SHORT_NUMBER && !token.includes('e') && !token.includes('E')) return;
    if (!isExact(token)) this.inexact = this.#pointer(depth - 1);
  }

  #pointer(length: number): string {
    const steps = this.#path.slice(0, length).map((step) => String(step).replaceAll('~', '~0').replaceAll('/', '~1'));
    return steps.map((step) => `/${step.length > 64 ? `${step.slice(0, 64)}…` : step}`).join('');
  }
}

/** The keys of one object so far. Few keys are compared one by one; a set is made only for many. */
class SeenKeys {
  #few: string[] | null = null;
  #many: Set<string> | null = null;

  /** Notes the key; true when it was there before. */
  again(key: string): boolean {
    if (this.#many !== null) return this.#many.size === this.#many.add(key).size;
    if (this.#few === null) {
      this.#few = [key];
      return false;
    }
    if (this.#few.includes(key)) return true;
    if (this.#few.push(key) > FEW) this.#many = new Set(this.#few);
    return false;
  }
}
