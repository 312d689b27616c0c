import { breathe } from '../../time/breathe.ts';
import { Spell } from '../../time/spell.ts';
import { NumberReader } from './number.ts';
import {
  afterStringBytes,
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
} from './text.ts';

/** A range of bytes; `end` is excluded. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/** Where values are in a text of JSON, by their path: its names, joined by spaces. */
export type Places = ReadonlyMap<string, ByteSpan>;

/** Bytes that are read before everybody else has a turn: about a millisecond's work. */
const PIECE = 256 * 1024;
/** Longest name that is compared with those asked for, in bytes. */
const LONGEST_ASKED = 64;
const SMALL_U = 0x75;
const ESCAPED: ReadonlySet<number> = new Set([...'"\\/bfnrt'].map((c) => c.charCodeAt(0)));
const WORDS = ['true', 'false', 'null'].map((word) => [...word].map((c) => c.charCodeAt(0)));
const MINUS = 0x2d;
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Where the values at these paths are. Null: the bytes are not JSON. Reads in pieces and builds nothing, so that an
 * answer of any length keeps nobody waiting; `JSON.parse` would take a second for a hundred megabytes of members. Of
 * duplicate names the last one counts, as in `JSON.parse`. Without `asked` paths it only tells whether it is JSON.
 */
export async function placesIn(bytes: Uint8Array, asked: readonly (readonly string[])[]): Promise<Places | null> {
  const finder = new Finder(bytes, asked);
  const spell = new Spell();
  for (let until = PIECE; !finder.readTo(until); until += PIECE) await (spell.rest() ?? breathe());
  return finder.places;
}

/**
 * The elements of the list at this place of a text that is known to be JSON; none when it is no list. Reads in pieces.
 */
export async function* elementsIn(bytes: Uint8Array, { start, end }: ByteSpan): AsyncGenerator<ByteSpan> {
  if (bytes[start] !== OPEN_ARRAY) return;
  const spell = new Spell();
  let depth = 0;
  let from = start + 1;
  let piece = from + PIECE;
  for (let i = start + 1; i < end - 1; ) {
    if (i >= piece) {
      // One element may be as long as all.
      await spell.rest();
      piece = i + PIECE;
    }
    const c = bytes[i]!;
    if (c === QUOTE) {
      i = afterStringBytes(bytes, i);
      continue;
    }
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) depth += 1;
    else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) depth -= 1;
    else if (c === COMMA && depth === 0) {
      yield withoutBlanks(bytes, from, i);
      from = i + 1;
      await spell.rest();
    }
    i += 1;
  }
  const last = withoutBlanks(bytes, from, end - 1);
  if (last.end > last.start) yield last;
}

/** The range without the whitespace around it. */
export function withoutBlanks(bytes: Uint8Array, start: number, end: number): ByteSpan {
  let [from, to] = [start, end];
  while (from < to && bytes[from]! <= 0x20) from += 1;
  while (to > from && bytes[to - 1]! <= 0x20) to -= 1;
  return { start: from, end: to };
}

/** A name that leads to something asked for. */
interface AskedName {
  readonly below: Map<string, AskedName>;
  /** The whole path; null: only what is below is asked for. */
  path: string | null;
}

/** What may come next. */
const VALUE = 0;
const VALUE_OR_END = 1;
const NAME = 2;
const NAME_OR_END = 3;
const NAME_COLON = 4;
const AFTER_VALUE = 5;
const IN_NAME = 6;
const IN_STRING = 7;
const IN_NUMBER = 8;
const BROKEN = 9;

class Finder {
  readonly #bytes: Uint8Array;
  readonly #places = new Map<string, ByteSpan>();
  /** The kinds of the containers around here, as their opening bytes; only the first `#depth` count. */
  #containers = new Uint8Array(64);
  #depth = 0;
  /** By depth: what is asked for in the container there, and where it starts; only while something is. */
  readonly #asked: { readonly name: AskedName | null; readonly start: number }[] = [];
  #here: AskedName | null;
  #next = VALUE;
  readonly #number = new NumberReader();
  #at = 0;
  #start = 0;

  constructor(bytes: Uint8Array, asked: readonly (readonly string[])[]) {
    this.#bytes = bytes;
    this.#here = { below: new Map(), path: null };
    for (const path of asked) {
      let name = this.#here;
      for (const step of path) {
        const below: AskedName = name.below.get(step) ?? { below: new Map(), path: null };
        name.below.set(step, below);
        name = below;
      }
      name.path = path.join(' ');
    }
  }

  /** What was found, once everything has been read. */
  get places(): Places | null {
    return this.#next === AFTER_VALUE && this.#depth === 0 ? this.#places : null;
  }

  /** Reads on, about to this index. True: there is nothing more to read. */
  readTo(until: number): boolean {
    const end = Math.min(until, this.#bytes.length);
    while (this.#at < end && this.#next !== BROKEN) {
      if (this.#next === IN_STRING || this.#next === IN_NAME) this.#readString(end);
      else if (this.#next === IN_NUMBER) this.#readNumber(end);
      else this.#readToken();
    }
    return this.#at >= this.#bytes.length || this.#next === BROKEN;
  }

  #readToken(): void {
    const c = this.#bytes[this.#at]!;
    if (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) {
      this.#at += 1;
      return;
    }
    switch (this.#next) {
      case VALUE:
      case VALUE_OR_END:
        if (c === CLOSE_ARRAY && this.#next === VALUE_OR_END) this.#close();
        else this.#readValue(c);
        return;
      case NAME:
      case NAME_OR_END:
        if (c === CLOSE_OBJECT && this.#next === NAME_OR_END) this.#close();
        else {
          this.#start = this.#at++;
          this.#next = c === QUOTE ? IN_NAME : BROKEN;
        }
        return;
      case NAME_COLON:
        this.#at += 1;
        this.#next = c === COLON ? VALUE : BROKEN;
        return;
      default:
        this.#readAfterValue(c);
    }
  }

  #readValue(c: number): void {
    this.#start = this.#at;
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) this.#open(c);
    else if (c === QUOTE) {
      this.#at += 1;
      this.#next = IN_STRING;
    } else if (c === MINUS || isDigit(c)) {
      this.#number.begin();
      this.#next = IN_NUMBER;
    } else this.#readWord(c);
  }

  #readWord(c: number): void {
    const word = WORDS.find((one) => one[0] === c);
    if (word === undefined || !word.every((byte, n) => this.#bytes[this.#at + n] === byte)) {
      this.#next = BROKEN;
      return;
    }
    this.#at += word.length;
    this.#end();
  }

  #readNumber(end: number): void {
    this.#at = this.#number.read(this.#bytes, this.#at, end);
    // It may go on in the next piece.
    if (this.#at === end && end < this.#bytes.length) return;
    if (this.#number.isComplete) this.#end();
    else this.#next = BROKEN;
  }

  #readAfterValue(c: number): void {
    const inList = this.#containers[this.#depth - 1] === OPEN_ARRAY;
    if (this.#depth === 0) this.#next = BROKEN;
    else if (c === COMMA) {
      this.#at += 1;
      this.#next = inList ? VALUE : NAME;
      if (inList) this.#here = null;
    } else if (c === (inList ? CLOSE_ARRAY : CLOSE_OBJECT)) this.#close();
    else this.#next = BROKEN;
  }

  #open(kind: number): void {
    if (this.#depth === this.#containers.length) {
      const larger = new Uint8Array(this.#depth * 2);
      larger.set(this.#containers);
      this.#containers = larger;
    }
    // Below what nobody asked for, nothing is asked for.
    if (this.#here !== null && this.#depth === this.#asked.length)
      this.#asked.push({ name: this.#here, start: this.#start });
    this.#containers[this.#depth++] = kind;
    this.#here = null;
    this.#at += 1;
    this.#next = kind === OPEN_OBJECT ? NAME_OR_END : VALUE_OR_END;
  }

  #close(): void {
    this.#at += 1;
    this.#depth -= 1;
    const asked = this.#depth < this.#asked.length ? this.#asked.pop() : undefined;
    this.#here = asked?.name ?? null;
    this.#start = asked?.start ?? 0;
    this.#end();
  }

  /** A value has ended. */
  #end(): void {
    const path = this.#here?.path ?? null;
    if (path !== null) this.#places.set(path, { start: this.#start, end: this.#at });
    this.#next = AFTER_VALUE;
  }

  #readString(end: number): void {
    const bytes = this.#bytes;
    let i = this.#at;
    while (i < end) {
      const c = bytes[i]!;
      if (c === QUOTE) {
        this.#at = i + 1;
        if (this.#next === IN_STRING) this.#end();
        else this.#endName();
        return;
      }
      if (c < 0x20) {
        this.#next = BROKEN;
        return;
      }
      // An escape may reach beyond this piece; then the next one begins after it.
      i += c === BACKSLASH ? escapeLength(bytes, i) : 1;
    }
    this.#at = i;
  }

  #endName(): void {
    this.#next = NAME_COLON;
    const around = this.#depth === this.#asked.length ? this.#asked[this.#depth - 1]?.name : null;
    const { below } = around ?? { below: null };
    this.#here = null;
    if (!below || this.#at - this.#start > LONGEST_ASKED || this.#containers[this.#depth - 1] !== OPEN_OBJECT) return;
    const quoted = UTF8.decode(this.#bytes.subarray(this.#start, this.#at));
    this.#here = below.get(unquoted(quoted)) ?? null;
    if (this.#here !== null) this.#forget(this.#here);
  }

  /** An earlier value of the same name does not count. */
  #forget({ path, below }: AskedName): void {
    if (path !== null) this.#places.delete(path);
    for (const inner of below.values()) this.#forget(inner);
  }
}

/** Bytes of the escape that begins here. One that is none ends the text, where a string is then left open. */
function escapeLength(bytes: Uint8Array, at: number): number {
  const c = bytes[at + 1] ?? 0;
  if (c !== SMALL_U) return ESCAPED.has(c) ? 2 : bytes.length;
  for (let i = at + 2; i < at + 6; i += 1) if (!isHexDigit(bytes[i] ?? 0)) return bytes.length;
  return 6;
}

function isHexDigit(c: number): boolean {
  return isDigit(c) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66);
}

function unquoted(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return '';
  }
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}
