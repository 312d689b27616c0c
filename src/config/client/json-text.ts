import type { Json } from '../../domain/json/json.ts';

/** A value of a JSON text with its place: characters from `start` to before `end`. */
export interface JsonNode {
  readonly start: number;
  readonly end: number;
  /** Objects in it have no prototype: `__proto__` is a name like any other. */
  readonly value: Json;
  /** Of an object, in the text's order; else absent. */
  readonly members?: readonly JsonMember[];
}

export interface JsonMember {
  readonly name: string;
  readonly node: JsonNode;
}

export type ReadJsonText =
  | { readonly ok: true; readonly root: JsonNode }
  | { readonly ok: false; readonly line: number; readonly column: number; readonly why: string };

/** Levels of objects and lists. */
const DEEPEST = 200;

/**
 * Reads JSON as editors write it: with `//` and block comments, with commas after the last member, and with a byte order
 * mark. A name that an object has twice is a fault: nobody could say which one counts.
 */
export function readJsonText(text: string): ReadJsonText {
  try {
    return { ok: true, root: new JsonTextReader(text).read() };
  } catch (error) {
    if (!(error instanceof JsonTextFault)) throw error;
    const before = text.slice(0, error.at).split('\n');
    return { ok: false, line: before.length, column: before.at(-1)!.length + 1, why: error.message };
  }
}

class JsonTextFault extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

const BLANK = /[\s\ufeff]*/y;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\.[^"\\\u0000-\u001f]*)*"/y;
const PLAIN = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;

class JsonTextReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): JsonNode {
    const root = this.#value(0);
    this.#skip();
    if (this.#at < this.#text.length) this.#fail('has something after its end');
    return root;
  }

  #value(depth: number): JsonNode {
    this.#skip();
    const start = this.#at;
    if (depth > DEEPEST) this.#fail(`is deeper than ${DEEPEST} levels`);
    const first = this.#text[start];
    if (first === '{') return this.#object(start, depth);
    if (first === '[') return this.#list(start, depth);
    const word = first === '"' ? this.#match(STRING) : this.#match(PLAIN);
    if (word === null) this.#fail(first === undefined ? 'ends too early' : 'has no value here');
    return { start, end: this.#at, value: this.#parsed(word, start) };
  }

  #object(start: number, depth: number): JsonNode {
    const members: JsonMember[] = [];
    const value: Record<string, Json> = Object.create(null);
    this.#at++;
    while (!this.#ended('}', members.length > 0)) {
      const at = this.#at;
      const word = this.#match(STRING);
      if (word === null) this.#fail('needs a name in double quotes here');
      const name = this.#parsed(word, at) as string;
      if (Object.hasOwn(value, name)) this.#failAt(at, `has the name ${JSON.stringify(name.slice(0, 60))} twice`);
      this.#skip();
      if (this.#text[this.#at] !== ':') this.#fail('needs a colon here');
      this.#at++;
      const node = this.#value(depth + 1);
      members.push({ name, node });
      value[name] = node.value;
    }
    return { start, end: this.#at, value, members };
  }

  #list(start: number, depth: number): JsonNode {
    const value: Json[] = [];
    this.#at++;
    while (!this.#ended(']', value.length > 0)) value.push(this.#value(depth + 1).value);
    return { start, end: this.#at, value };
  }

  /** Goes on to the next entry; true when there is none. */
  #ended(bracket: '}' | ']', after: boolean): boolean {
    this.#skip();
    if (after && this.#text[this.#at] !== bracket) {
      if (this.#text[this.#at] !== ',') this.#fail(`needs a comma or ${bracket} here`);
      this.#at++;
      this.#skip();
    }
    if (this.#text[this.#at] !== bracket) return false;
    this.#at++;
    return true;
  }

  #skip(): void {
    for (;;) {
      this.#match(BLANK);
      const two = this.#text.slice(this.#at, this.#at + 2);
      if (two !== '//' && two !== '/*') return;
      const end = this.#text.indexOf(two === '//' ? '\n' : '*/', this.#at + 2);
      if (end < 0 && two === '/*') this.#fail('has a comment without an end');
      this.#at = end < 0 ? this.#text.length : end + (two === '//' ? 1 : 2);
    }
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #parsed(word: string, at: number): Json {
    try {
      return JSON.parse(word) as Json;
    } catch {
      return this.#failAt(at, 'has an escape that JSON does not know');
    }
  }

  #fail(message: string): never {
    return this.#failAt(this.#at, message);
  }

  #failAt(at: number, message: string): never {
    throw new JsonTextFault(at, message);
  }
}
