import { anyCase } from './any-case.ts';

/** A stretch of a text, in UTF-16 units; `end` is behind it. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  /** The beginning of a word that was not given as a whole is part of it. */
  readonly begins: boolean;
}

/** A word to look for. `begins`: it is only the beginning of one. */
export interface SoughtWord {
  readonly text: string;
  readonly begins: boolean;
}

/** UTF-16 units that are read between two breaks. */
const PIECE = 32 * 1024;
/** Steps of a word that are taken in between two breaks. */
const EDGES = 4_000;
/** UTF-16 units that there are. */
const UNITS = 0x1_0000;
const ROOT = 0;

/** How far a search has come. */
interface Search {
  node: number;
  readonly found: Stretch[];
}

/**
 * Finds many words in a text in one pass (Aho and Corasick, 1975): the time is linear in the text, however many words
 * there are and however much they have in common. The memory is linear in the words. Letters of either case are the same.
 */
export class WordFinder {
  /** Where a node leads to with a unit, by `node * UNITS + unit`. */
  readonly #next = new Map<number, number>();
  /** The keys of those, by the depth that they lead to, less one. */
  readonly #edges: number[][] = [];
  /** The node of the longest proper suffix that is the beginning of a word. */
  readonly #shorter: number[] = [ROOT];
  readonly #depth: number[] = [0];
  /** Units of the longest word that ends in a node; 0: none does. */
  readonly #ends: number[] = [0];
  /** Whether one of those words is only a beginning. */
  readonly #begins: boolean[] = [false];
  /** Units that begin a word: in most texts almost none does. */
  readonly #first = new Uint8Array(UNITS);

  private constructor() {}

  /** Takes the words in, in pieces: yields between them. */
  static *of(words: readonly SoughtWord[]): Generator<void, WordFinder> {
    const finder = new WordFinder();
    let read = 0;
    for (const word of words) {
      if (word.text !== '') finder.#add(word);
      read += word.text.length;
      if (read < EDGES) continue;
      read = 0;
      yield;
    }
    yield* finder.#link();
    return finder;
  }

  /** Everything in the text that is part of a word, in order; what overlaps or touches is one stretch. */
  find(text: string): Stretch[] {
    const search: Search = { node: ROOT, found: [] };
    this.#read(text, 0, text.length, search);
    return search.found;
  }

  /** The same in pieces: yields between them. */
  *finding(text: string): Generator<void, Stretch[]> {
    const search: Search = { node: ROOT, found: [] };
    for (let at = 0; at < text.length; at += PIECE) {
      if (at > 0) yield;
      this.#read(text, at, Math.min(text.length, at + PIECE), search);
    }
    return search.found;
  }

  #read(text: string, from: number, to: number, search: Search): void {
    let { node } = search;
    for (let at = from; at < to; at++) {
      const unit = anyCase(text.charCodeAt(at));
      if (node === ROOT && this.#first[unit] === 0) continue;
      node = this.#step(node, unit);
      const length = this.#ends[node]!;
      if (length > 0) add(search.found, { start: at + 1 - length, end: at + 1, begins: this.#begins[node]! });
    }
    search.node = node;
  }

  #step(from: number, unit: number): number {
    for (let node = from; ; node = this.#shorter[node]!) {
      const next = this.#next.get(node * UNITS + unit);
      if (next !== undefined) return next;
      if (node === ROOT) return ROOT;
    }
  }

  #add({ text, begins }: SoughtWord): void {
    let node = ROOT;
    for (let at = 0; at < text.length; at++) {
      const key = node * UNITS + anyCase(text.charCodeAt(at));
      let next = this.#next.get(key);
      if (next === undefined) {
        next = this.#depth.push(at + 1) - 1;
        this.#next.set(key, next);
        const edges = this.#edges[at];
        if (edges === undefined) this.#edges[at] = [key];
        else edges.push(key);
        this.#ends.push(0);
        this.#begins.push(false);
        this.#shorter.push(ROOT);
      }
      node = next;
    }
    this.#first[anyCase(text.charCodeAt(0))] = 1;
    this.#ends[node] = text.length;
    this.#begins[node] ||= begins;
  }

  /** In the order of depth, as a shorter one must be known first. */
  *#link(): Generator<void, void> {
    let linked = 0;
    for (const edges of this.#edges) {
      for (const key of edges) {
        linked += 1;
        if (linked % EDGES === 0) yield;
        const parent = Math.floor(key / UNITS);
        if (parent === ROOT) continue;
        const node = this.#next.get(key)!;
        const shorter = this.#step(this.#shorter[parent]!, key % UNITS);
        this.#shorter[node] = shorter;
        if (this.#ends[node] === 0) this.#ends[node] = this.#ends[shorter]!;
        this.#begins[node] ||= this.#begins[shorter]!;
      }
    }
  }
}

/** Each stretch is taken away at most once, so that all of them together take linear time. */
function add(found: Stretch[], { start, end, begins }: Stretch): void {
  let whole = { start, end, begins };
  for (let last = found.at(-1); last !== undefined && last.end >= whole.start; last = found.at(-1)) {
    whole = { start: Math.min(whole.start, last.start), end, begins: whole.begins || last.begins };
    found.pop();
  }
  found.push(whole);
}
