import {
  ALL_EXACT,
  type InexactValue,
  type InexactValues,
  inexactNumber,
  MOST_INEXACT,
} from '../../domain/call/inexact.ts';
import { isExact } from '../../domain/json/exact-number.ts';
import { ENVELOPE_NAMES, isDisguised, PARAM_NAMES } from '../protocol/names.ts';
import {
  afterString,
  afterWhitespace,
  afterWord,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
} from './text.ts';

/** Deepest nesting of objects and arrays that is accepted. */
export const MAX_DEPTH = 64;

/** In objects with up to this many members, keys are compared one by one; larger ones get a set. */
const FEW = 8;
/**
 * Without an exponent, a number token of at most this many characters has at most 15 digits, which every double keeps.
 */
const SHORT_NUMBER = 15;

/** What could be the escape of a surrogate, or of a backslash before such letters. */
const SURROGATE = /\\u[dD][89a-fA-F]/;

/** What `scan` finds in a message or batch. */
export interface ScanResult {
  /** Why two JSON readers could read this text differently, in words for people; null when they cannot. */
  readonly fault: string | null;
  /**
   * Numbers that a double cannot keep exactly, and texts with half of a surrogate pair. The numbers `id` and
   * `params._meta.progressToken` do not count: nobody judges them, and they are answered as they are written.
   */
  readonly inexact: InexactValues;
  /** The message's `id` as it is written; null when it has none. */
  readonly idText: string | null;
}

/**
 * Reads text that `JSON.parse` has accepted, once, and looks for what `JSON.parse` tolerates: duplicate keys, deep
 * nesting (over `MAX_DEPTH` levels), numbers that it rounds (the first `MOST_INEXACT`), and names that others would take for the protocol's.
 */
export function scan(text: string): ScanResult {
  const scanner = new Scanner(text);
  scanner.value(ENVELOPE_NAMES, 1);
  return { fault: scanner.fault, inexact: scanner.inexact, idText: scanner.idText };
}

class Scanner {
  fault: string | null = null;
  idText: string | null = null;
  readonly #text: string;
  #at = 0;
  /** Keys and indices on the way to the current value. Entries below the current depth are stale. */
  readonly #path: (string | number)[] = [];
  readonly #inexact: InexactValue[] = [];
  #more = false;

  constructor(text: string) {
    this.#text = text;
  }

  get inexact(): InexactValues {
    return this.#inexact.length === 0 ? ALL_EXACT : { list: this.#inexact, more: this.#more };
  }

  /**
   * `names`: the member names that the protocol defines for an object here; null where the caller chooses all names.
   */
  value(names: ReadonlySet<string> | null, depth: number): void {
    this.#at = afterWhitespace(this.#text, this.#at);
    const c = this.#text.charCodeAt(this.#at);
    if (c === QUOTE) this.#string(depth, false);
    else if (c === OPEN_OBJECT) this.#object(names, depth);
    else if (c === OPEN_ARRAY) this.#array(depth === 1 ? names : null, depth);
    else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) this.#number(depth);
    else this.#at = afterWord(this.#text, this.#at);
  }

  #object(names: ReadonlySet<string> | null, depth: number): void {
    if (!this.#enter(depth)) return;
    const seen = new SeenKeys();
    while (this.#text.charCodeAt(this.#at) !== CLOSE_OBJECT) {
      const key = this.#string(depth, true);
      this.#path[depth - 1] = key;
      if (seen.seenBefore(key)) this.fault = `duplicate key at ${this.#pointer(depth)}`;
      else if (names !== null && isDisguised(key, names)) {
        this.fault = `${this.#pointer(depth)} is spelt almost like a name of the protocol. Write it exactly as the protocol does, or leave it out`;
      }
      if (this.fault !== null) return;
      this.#at = afterWhitespace(this.#text, afterWhitespace(this.#text, this.#at) + 1);
      const start = this.#at;
      this.value(names === ENVELOPE_NAMES && key === 'params' ? PARAM_NAMES : null, depth + 1);
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
    else this.#at = afterWhitespace(this.#text, this.#at + 1);
    return this.fault === null;
  }

  /** Moves past the comma, if there is one, to the next member or to the end. */
  #next(): void {
    this.#at = afterWhitespace(this.#text, this.#at);
    if (this.#text.charCodeAt(this.#at) === COMMA) this.#at = afterWhitespace(this.#text, this.#at + 1);
  }

  #string(depth: number, isName: boolean): string {
    const start = this.#at;
    this.#at = afterString(this.#text, start);
    const inner = this.#text.slice(start + 1, this.#at - 1);
    // The text comes from a strict UTF-8 decoder, so only an escape can make a lone surrogate.
    if (!inner.includes('\\')) return inner;
    // Names are short. Of values only their surrogates count, and decoding megabytes of escapes takes long.
    if (!isName && !SURROGATE.test(inner)) return inner;
    const value = JSON.parse(this.#text.slice(start, this.#at)) as string;
    if (!value.isWellFormed()) this.#note('text', depth - 1, isName);
    return value;
  }

  #number(depth: number): void {
    const start = this.#at;
    this.#at = afterWord(this.#text, start);
    if (this.#more) return;
    const token = this.#text.slice(start, this.#at);
    if (token.length <= SHORT_NUMBER && !token.includes('e') && !token.includes('E')) return;
    if (!isExact(token) && !this.#isUnjudged(depth - 1)) this.#note(inexactNumber(token), depth - 1, false);
  }

  /** Whether the number at the current path only says where an answer belongs. */
  #isUnjudged(length: number): boolean {
    const [first, second, third] = this.#path;
    if (length === 1) return first === 'id';
    return length === 3 && first === 'params' && second === '_meta' && third === 'progressToken';
  }

  /** `anyMember`: it is a name, which another reader could take for that of any other member. */
  #note(kind: InexactValue['kind'], length: number, anyMember: boolean): void {
    if (this.#inexact.length === MOST_INEXACT) this.#more = true;
    if (this.#more) return;
    const steps: (string | null)[] = this.#path.slice(0, length).map(String);
    if (anyMember) steps.push(null);
    this.#inexact.push({ kind, pointer: this.#pointer(length), steps });
  }

  #pointer(length: number): string {
    const steps = this.#path.slice(0, length).map((step) => String(step).replaceAll('~', '~0').replaceAll('/', '~1'));
    return steps.map((step) => `/${step.length > 64 ? `${step.slice(0, 64)}…` : step}`).join('');
  }
}

/** The keys of one object so far. */
class SeenKeys {
  #few: string[] | null = null;
  #many: Set<string> | null = null;

  /** Adds the key; true when it had been added before. */
  seenBefore(key: string): boolean {
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
