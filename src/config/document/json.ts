import type { Json } from '../../domain/json/json.ts';
import { isExactlyRead } from './exact.ts';
import type { Key } from './fault.ts';
import { DEEPEST, type InexactPlace, type TextPlace, type TextProblem, type TextReading } from './reading.ts';

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\r\n]*/y;
const WORDS = new Map<string, Json>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/**
 * Reads RFC 8259 text as `JSON.parse` does, but refuses duplicate keys, treats `__proto__` as an ordinary key, and
 * knows the place of every value. Places are found by reading the text again, so that a good file does not pay for
 * them.
 */
export function readJson(text: string): TextReading {
  const reader = new JsonReader(text, null);
  const value = reader.document();
  if (reader.problems.length > 0) return { ok: false, problems: reader.problems };
  let places: Map<string, TextPlace> | null = null;
  const place = (path: readonly Key[]): TextPlace | null => {
    if (places === null) {
      places = new Map();
      new JsonReader(text, places).document();
    }
    return places.get(JSON.stringify(path)) ?? null;
  };
  return { ok: true, value, place, inexact: reader.inexact };
}

/** Thrown and caught inside the reader, where it cannot go on. */
class Unreadable extends Error {}

class JsonReader {
  readonly problems: TextProblem[] = [];
  readonly inexact: InexactPlace[] = [];
  readonly #text: string;
  readonly #places: Map<string, TextPlace> | null;
  readonly #path: Key[] = [];
  #at = 0;

  constructor(text: string, places: Map<string, TextPlace> | null) {
    this.#text = text;
    this.#places = places;
  }

  document(): Json {
    try {
      const value = this.#value(0);
      this.#skip();
      if (this.#at < this.#text.length) this.#stop('there is more after the end', 'one JSON value');
      return value;
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return null;
    }
  }

  #value(key: number): Json {
    this.#skip();
    if (this.#path.length > DEEPEST) {
      this.#problem(this.#at, 'nested too deeply', `at most ${DEEPEST} levels`);
      throw new Unreadable();
    }
    this.#places?.set(JSON.stringify(this.#path), { key, value: this.#at });
    const first = this.#text[this.#at];
    if (first === '{') return this.#object();
    if (first === '[') return this.#array();
    if (first === '"') return this.#string();
    const number = this.#take(NUMBER);
    if (number !== null) return this.#number(number);
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#stop(
      first === undefined ? 'the text ends too early' : `unexpected ${JSON.stringify(first)}`,
      'a value',
    );
  }

  #number(written: string): number {
    const value = Number(written);
    if (!isExactlyRead(written, value)) this.#isInexact(this.#at - written.length, written);
    return value;
  }

  #isInexact(offset: number, written: string | null): void {
    this.inexact.push({ offset, path: [...this.#path], written });
  }

  #object(): Json {
    const object: Record<string, Json> = Object.create(null);
    this.#at++;
    if (this.#next('}')) return object;
    do {
      this.#skip();
      const start = this.#at;
      const key = this.#text[start] === '"' ? this.#string() : this.#stop('a key is missing', 'a key in double quotes');
      if (!this.#next(':')) this.#stop(`no colon after ${JSON.stringify(key)}`, '":"');
      this.#path.push(key);
      if (Object.hasOwn(object, key)) this.#problem(start, `duplicate key ${JSON.stringify(key)}`, 'each key once');
      object[key] = this.#value(start);
      this.#path.pop();
    } while (this.#next(','));
    if (!this.#next('}')) this.#stop('an object is not closed', '"," or "}"');
    return object;
  }

  #array(): Json {
    const array: Json[] = [];
    this.#at++;
    if (this.#next(']')) return array;
    do {
      this.#path.push(array.length);
      array.push(this.#value(this.#at));
      this.#path.pop();
    } while (this.#next(','));
    if (!this.#next(']')) this.#stop('a list is not closed', '"," or "]"');
    return array;
  }

  /** Looks for the closing quote one character at a time: a regular expression could be made to backtrack. */
  #string(): string {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    let value: unknown = null;
    try {
      value = JSON.parse(this.#text.slice(this.#at, end + 1));
    } catch {
      // It is not closed, or not escaped correctly.
    }
    if (typeof value !== 'string')
      return this.#stop('this text in quotes is not valid', 'a string that is closed and escaped');
    if (!value.isWellFormed()) this.#isInexact(this.#at, null);
    this.#at = end + 1;
    return value;
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return null;
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #skip(): void {
    this.#take(SPACE);
  }

  #next(mark: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }

  #problem(offset: number, message: string, expected: string): void {
    this.problems.push({ offset, path: [...this.#path], message, expected });
  }

  #stop(why: string, expected: string): never {
    const message = `not JSON: ${why}`;
    this.#problem(this.#at, message, expected);
    throw new Unreadable();
  }
}
