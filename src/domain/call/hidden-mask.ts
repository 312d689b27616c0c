import { inAnyCase } from '../../text/any-case.ts';
import { ended } from '../../text/ended.ts';
import { type Stretch, WordFinder } from '../../text/find-words.ts';
import type { Json, JsonObject } from '../json/json.ts';
import { REDACTED } from '../json/redact.ts';
import { secretName } from '../json/secret-name.ts';
import { headerText } from './header-value.ts';
import { hiddenWords } from './hidden-words.ts';

/** A text with what is hidden elsewhere replaced, and whether anything was. */
export interface MaskedText {
  readonly text: string;
  readonly masked: boolean;
}

/** A copy of what is shown, and how many of its values and names were masked. */
export interface MaskedCopy {
  readonly value: JsonObject;
  readonly masked: number;
}

/** The mark as it may stand within a text that somebody else wrote. */
const MARK = /\[redacted\]/gi;
/** A mark in quotes, as a whole: nobody takes it for a hidden value. */
const QUOTED_MARK = /^"+\[redacted\]"+$/i;
/** Values between two breaks, and characters of a text from which on it is read in pieces. */
const PIECE = { values: 2_000, text: 16 * 1024 } as const;

/**
 * What a call hides, so that the same is hidden wherever else it stands in what is shown of that call (P8): in other
 * members and their names, in headers, in the agent's reason, in its answers, in letters of either case. Values of fewer
 * than six characters are left out.
 */
export class HiddenMask {
  /** Null: there is nothing to look for. */
  readonly #finder: WordFinder | null;
  readonly #whole: ReadonlySet<string>;
  #walked = 0;

  private constructor(finder: WordFinder | null, whole: ReadonlySet<string>) {
    this.#finder = finder;
    this.#whole = whole;
  }

  /** `hidden`: the values that are hidden, of any shape. Yields now and then. */
  static *of(hidden: readonly Json[]): Generator<void, HiddenMask> {
    const { spellings, whole } = yield* hiddenWords(hidden);
    return new HiddenMask(spellings.length === 0 ? null : yield* WordFinder.of(spellings), whole);
  }

  /** A text that somebody else wrote, as it may be shown beside this call. */
  text(text: string): MaskedText {
    return this.#finder === null ? { text, masked: false } : ended(this.#shown(text, this.#finder.find(text)));
  }

  /** What is shown of an object. Yields now and then. */
  *object(object: JsonObject): Generator<void, MaskedCopy> {
    if (this.#finder === null) return { value: object, masked: 0 };
    const count = { masked: 0 };
    const value = (yield* this.#copy(object, count)) as JsonObject;
    return { value, masked: count.masked };
  }

  *#copy(value: Json, count: { masked: number }): Generator<void, Json> {
    this.#walked += 1;
    if (this.#walked % PIECE.values === 0) yield;
    if (typeof value === 'string' && value.length > PIECE.text) {
      const { text, masked } = yield* this.#shown(value, yield* this.#finder!.finding(value));
      if (masked) count.masked += 1;
      return text;
    }
    if (typeof value === 'string' || typeof value === 'number') return this.#single(value, count);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      const list: Json[] = [];
      for (const item of value) list.push(yield* this.#copy(item, count));
      return list;
    }
    const copy: Record<string, Json> = Object.create(null);
    const numbers = new Map<string, number>();
    for (const [name, inner] of Object.entries(value)) {
      const shown = this.#name(name);
      if (shown.masked) count.masked += 1;
      copy[shown.masked ? numbered(shown.text, numbers) : name] = yield* this.#copy(inner, count);
    }
    return copy;
  }

  #single(value: string | number, count: { masked: number }): Json {
    if (value === REDACTED) return value;
    const shown = this.text(String(value));
    // A header may be encoded: what it says can then only be hidden as a whole.
    const decoded = typeof value === 'string' ? headerText(value) : null;
    const inside = decoded !== null && decoded !== value && this.text(decoded).masked;
    if (shown.masked || inside) count.masked += 1;
    if (inside || (shown.masked && typeof value === 'number')) return REDACTED;
    return typeof value === 'number' ? value : shown.text;
  }

  /** A name that only says what secrets are called gives none away: `client_secret`, although one reads `secret`. */
  #name(name: string): MaskedText {
    const found = this.#finder!.find(name).filter(({ start, end }) => secretName(name.slice(start, end)) === null);
    return found.length === 0 ? { text: name, masked: false } : ended(this.#shown(name, found));
  }

  *#shown(text: string, found: readonly Stretch[]): Generator<void, MaskedText> {
    if (found.some(({ begins }) => begins) || this.#whole.has(inAnyCase(text))) return { text: REDACTED, masked: true };
    if (found.length === 0) return { text: quotedMarks(text), masked: false };
    let shown = '';
    let from = 0;
    for (const [index, { start, end }] of found.entries()) {
      if (index > 0 && index % PIECE.values === 0) yield;
      shown += quotedMarks(text.slice(from, start)) + REDACTED;
      from = end;
    }
    return { text: shown + quotedMarks(text.slice(from)), masked: true };
  }
}

/** What somebody else wrote and reads like the mark stands in quotes, so that it does not pass for one. */
function quotedMarks(text: string): string {
  return QUOTED_MARK.test(text) ? text : text.replace(MARK, '"$&"');
}

/** A masked name, with a number from the second of its kind on: members stay apart. */
function numbered(name: string, numbers: Map<string, number>): string {
  const n = (numbers.get(name) ?? 0) + 1;
  numbers.set(name, n);
  return n === 1 ? name : `${name} (${n})`;
}
