import { ended } from '../../text/ended.ts';
import type { Json } from './json.ts';
import { type SecretName, secretName } from './secret-name.ts';

/** Stands where a value is hidden. No value that is shown looks like it. */
export const REDACTED = '[redacted]';

/** The part of a call that a path begins in: the arguments, other members of `params`, or members of `_meta`. */
export type RedactedPart = 'args' | 'params' | 'meta';

/** A path of what a policy hides, as segments; `*` stands for any member or index: `['users', '*', 'seed']`. */
export interface RedactedPath {
  readonly part: RedactedPart;
  readonly segments: readonly string[];
}

/** What a policy hides of a tool's calls. */
export interface Redaction {
  /** Single values whose name looks secret are hidden at every depth. Off with `redact: none`. */
  readonly byName: boolean;
  readonly paths: readonly RedactedPath[];
}

export const DEFAULT_REDACTION: Redaction = { byName: true, paths: [] };
export const NO_REDACTION: Redaction = { byName: false, paths: [] };

/** A copy with secret values replaced, and how many were, by what hides them. */
export interface RedactedCopy<T extends Json = Json> {
  readonly value: T;
  /** Paths of the policy: whatever stands there counts as one. */
  readonly byPolicy: number;
  /** Names. */
  readonly byName: number;
  /** What is hidden, as it came. Never to be shown. */
  readonly hidden: readonly Json[];
}

/**
 * Copies a part of a call with secret values replaced. Names and structure stay, so that a person sees that something
 * is there. A path hides whatever it leads to. A name hides single values only: text, numbers, booleans, and those in a
 * list right under it. An object stays, and what is in it is judged by its own names.
 */
export function redactedCopy<T extends Json>(value: T, redaction: Redaction, part: RedactedPart): RedactedCopy<T> {
  return ended(redactedCopySteps(value, redaction, part));
}

/** The same step by step: yields whenever some thousand values have been copied. */
export function* redactedCopySteps<T extends Json>(
  value: T,
  { byName, paths }: Redaction,
  part: RedactedPart,
): Generator<void, RedactedCopy<T>> {
  const copier = new RedactingCopier(byName);
  const own = paths.filter((path) => path.part === part).map(({ segments }) => segments);
  const copy = yield* copier.copy(value, own, null);
  return { value: copy as T, byPolicy: copier.byPolicy, byName: copier.byName, hidden: copier.hidden };
}

/** A copy of a call's arguments with secret values replaced. */
export function redact(args: Json, redaction: Redaction): Json {
  return redactedCopy(args, redaction, 'args').value;
}

type Segments = readonly (readonly string[])[];
type Container = readonly Json[] | { readonly [name: string]: Json };

/** Values that are copied in one step. */
export const COPIED_AT_ONCE = 1_000;

class RedactingCopier {
  byPolicy = 0;
  byName = 0;
  readonly hidden: Json[] = [];
  readonly #names: boolean;
  #copied = 0;

  constructor(names: boolean) {
    this.#names = names;
  }

  /** `name`: what the name of this value, or of the list that it is in, says of it. */
  *copy(value: Json, paths: Segments, name: SecretName): Generator<void, Json> {
    const leaf = this.#leaf(value, paths, name);
    return leaf === undefined ? yield* this.#container(value as Container, paths, name) : leaf;
  }

  /** The copy of a single value, or of what a path hides whatever it is; undefined: it is an object or a list. */
  #leaf(value: Json, paths: Segments, name: SecretName): Json | undefined {
    this.#copied += 1;
    if (paths.some((path) => path.length === 0)) {
      this.byPolicy++;
      this.hidden.push(value);
      return REDACTED;
    }
    if (typeof value === 'object' && value !== null) return undefined;
    if (value !== null && (name === 'secret' || (name === 'secrets' && typeof value === 'string'))) {
      this.byName++;
      this.hidden.push(value);
      return REDACTED;
    }
    return typeof value === 'string' ? shownText(value) : value;
  }

  *#container(value: Container, paths: Segments, name: SecretName): Generator<void, Json> {
    if (Array.isArray(value)) {
      const list: Json[] = [];
      for (const [index, item] of (value as readonly Json[]).entries()) {
        const inner = below(paths, String(index));
        list.push(yield* this.copy(item, inner, name));
        if (this.#isStepOver()) yield;
      }
      return list;
    }
    const copy: Record<string, Json> = Object.create(null);
    // Not their entries: that would be a list for each of tens of thousands of members, made at once.
    for (const key of Object.keys(value)) {
      const item = (value as { readonly [name: string]: Json })[key]!;
      const inner = below(paths, key);
      const said = this.#names ? secretName(key) : null;
      copy[key] = yield* this.copy(item, inner, said);
      if (this.#isStepOver()) yield;
    }
    return copy;
  }

  #isStepOver(): boolean {
    if (this.#copied < COPIED_AT_ONCE) return false;
    this.#copied = 0;
    return true;
  }
}

function below(paths: Segments, step: string): Segments {
  if (paths.length === 0) return paths;
  return paths.filter((path) => path[0] === '*' || path[0] === step).map((path) => path.slice(1));
}

/**
 * Text as it is shown. What could be taken for the mark of a hidden value stands in quotes, so that nobody makes a
 * value look hidden: `[redacted]` becomes `"[redacted]"`, and that becomes `""[redacted]""`.
 */
function shownText(text: string): string {
  return text.length <= LONGEST_MARK && looksRedacted(text) ? `"${text}"` : text;
}

/** Longer text does not look like the mark of a hidden value, whatever stands around it. In UTF-16 units. */
const LONGEST_MARK = 1_000;
const ASCII = /^[\0-\x7f]*$/;
const MARK_WORD = 'redacted';
/** The word's letters in this order and no others. */
const WORD = new RegExp(`^${[...MARK_WORD].map((letter) => `[^a-z]*${letter}`).join('')}[^a-z]*$`, 'i');
/** Letters of every script, also in circles and squares, without the marks on them. */
const LETTERS = /[[\p{Alphabetic}\p{Regional_Indicator}]--\p{M}]/gv;
/** Something visible stands before the first letter and behind the last. */
const ENCLOSED = /^[^\p{Alphabetic}]*[\p{P}\p{S}].*[\p{P}\p{S}][^\p{Alphabetic}]*$/su;
/** Without brackets, as many of the word's own letters make a text look like it. */
const TELLING = 4;

/**
 * Too many letters of other scripts look like Latin ones to list them, so each may stand for any: what has as many
 * letters as the word, and no Latin one in the wrong place, looks like it between brackets, or with enough of its letters.
 */
function looksRedacted(text: string): boolean {
  if (ASCII.test(text)) return WORD.test(text);
  const letters = text.normalize('NFKC').toLowerCase().match(LETTERS) ?? [];
  if (letters.length !== MARK_WORD.length) return false;
  const latin = letters.map((letter, at) => [letter, MARK_WORD[at]] as const).filter(([letter]) => ASCII.test(letter));
  if (latin.some(([letter, wanted]) => letter !== wanted)) return false;
  return latin.length >= TELLING || ENCLOSED.test(text);
}
