import type { Json } from '../domain/json.ts';

/**
 * Reads the YAML that most policies are written in: block maps and lists, flow collections on one line, plain words,
 * numbers and quoted text. Null for everything else, faults included: then the whole of YAML is asked, which takes
 * several times as long. What is read here is read there the same.
 */
export function readPlainYaml(text: string): { readonly value: Json } | null {
  if (text.length > LONGEST || STRANGE.test(text)) return null;
  try {
    return { value: new Reader(linesOf(text)).document() };
  } catch (error) {
    if (error === NOT_PLAIN) return null;
    throw error;
  }
}

/** Tabs, carriage returns, controls, and characters that break lines or pair up. */
const STRANGE = /[^\n\u0020-\u007e\u00a1-\u1fff\u2030-\ud7ff\ue000-\ufefe]/;
/** Too short to hold more values than the whole of YAML takes. */
const LONGEST = 900_000;
const NOT_PLAIN = Symbol('not plain');
const DEEPEST = 60;

const END = / *(?: #.*)?$/y;
const KEY = /(?:([A-Za-z_][A-Za-z0-9_./*?$-]{0,200})|"((?:[^"\\]|\\["\\/]){0,200})"|'([^']{0,200})'):(?= |$)/y;
const WORDS = /[A-Za-z_^/(](?:[\w./*?()'+$=;^|[\]{},-]| (?=[\w(]))*/y;
const FLOW_WORDS = /[A-Za-z_^/(](?:[\w./*?()'+$=;^|-]| (?=[\w(]))*/y;
const NUMBER = /-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?= |,|\]|\}|$)/y;
const DURATION = /\d{1,12}(?:ms|s|m|h|d)(?= |,|\]|\}|$)/y;
const DOUBLE = /"(?:[^"\\]|\\["\\/bfnrt])*"/y;
const SINGLE = /'(?:[^']|'')*'/y;
const RESERVED = /^(?:null|true|false)$/i;

interface Line {
  indent: number;
  /** Where its content begins, in `text`. */
  at: number;
  readonly text: string;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (const line of text.split('\n')) {
    const at = line.search(/[^ ]/);
    if (at < 0 || line[at] === '#') continue;
    if (at === 0 && /^(?:---|\.\.\.|%)/.test(line)) throw NOT_PLAIN;
    lines.push({ indent: at, at, text: line });
  }
  return lines;
}

class Reader {
  readonly #lines: Line[];
  #line = 0;
  #at = 0;
  #depth = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  document(): Json {
    const value = this.#block(0);
    if (this.#line < this.#lines.length) throw NOT_PLAIN;
    return value;
  }

  /** A map or a list whose lines are indented by at least so much. */
  #block(least: number): Json {
    const line = this.#lines[this.#line];
    if (line === undefined || line.indent < least || ++this.#depth > DEEPEST) throw NOT_PLAIN;
    const value = isItem(line) ? this.#list(line.indent) : this.#map(line.indent);
    this.#depth -= 1;
    return value;
  }

  #map(indent: number): Json {
    const map: Record<string, Json> = Object.create(null);
    for (let line = this.#here(indent); line !== null; line = this.#here(indent)) {
      if (isItem(line)) throw NOT_PLAIN;
      this.#at = line.at;
      const key = this.#key(line.text);
      if (key === null || Object.hasOwn(map, key)) throw NOT_PLAIN;
      map[key] = this.#isEnd(line.text) ? this.#below(indent, true) : this.#inline(line, indent);
    }
    return map;
  }

  #list(indent: number): Json {
    const list: Json[] = [];
    for (let line = this.#here(indent); line !== null && isItem(line); line = this.#here(indent)) {
      this.#at = line.at + 1;
      if (this.#isEnd(line.text)) {
        list.push(this.#below(indent, false));
        continue;
      }
      this.#skip(line.text);
      const start = this.#at;
      if (this.#key(line.text) === null) {
        this.#at = start;
        list.push(this.#inline(line, indent));
        continue;
      }
      // `- key: value` begins a map that is indented as far as its first key.
      line.indent = start;
      line.at = start;
      list.push(this.#block(start));
    }
    // A list may stand at its key's own indentation; what follows there is for the map around it.
    return list;
  }

  /** The next line of this very indentation; null at the end or where less is indented. */
  #here(indent: number): Line | null {
    const line = this.#lines[this.#line];
    if (line === undefined || line.indent < indent) return null;
    if (line.indent > indent) throw NOT_PLAIN;
    return line;
  }

  /** What hangs under a key or a dash that has nothing beside it. */
  #below(indent: number, underKey: boolean): Json {
    const next = this.#lines[++this.#line];
    if (next === undefined || next.indent < indent) return null;
    if (next.indent > indent) return this.#block(indent + 1);
    return underKey && isItem(next) ? this.#block(indent) : null;
  }

  /** A value beside its key or dash, which must end with its line. */
  #inline({ text }: Line, indent: number): Json {
    this.#skip(text);
    const value = this.#value(text, false);
    const next = this.#lines[this.#line + 1];
    if (!this.#isEnd(text) || (next !== undefined && next.indent > indent)) throw NOT_PLAIN;
    this.#line += 1;
    return value;
  }

  #value(text: string, flow: boolean): Json {
    switch (text[this.#at]) {
      case '"':
        return JSON.parse(this.#take(DOUBLE, text) ?? stop()) as string;
      case "'":
        return (this.#take(SINGLE, text) ?? stop()).slice(1, -1).replaceAll("''", "'");
      case '[':
        return this.#flowList(text);
      case '{':
        return this.#flowMap(text);
      default:
        return this.#plain(text, flow);
    }
  }

  #plain(text: string, flow: boolean): Json {
    const number = this.#take(NUMBER, text);
    if (number !== null) return Number(number);
    const words = this.#take(DURATION, text) ?? this.#take(flow ? FLOW_WORDS : WORDS, text) ?? stop();
    if (!RESERVED.test(words)) return words;
    return words === 'null' ? null : words === 'true' ? true : words === 'false' ? false : stop();
  }

  #flowList(text: string): Json {
    const list: Json[] = [];
    this.#enter(text);
    if (this.#next(']', text)) return this.#leave(list);
    do {
      this.#skip(text);
      list.push(this.#value(text, true));
    } while (this.#next(',', text));
    return this.#next(']', text) ? this.#leave(list) : stop();
  }

  #flowMap(text: string): Json {
    const map: Record<string, Json> = Object.create(null);
    this.#enter(text);
    if (this.#next('}', text)) return this.#leave(map);
    do {
      this.#skip(text);
      const key = this.#key(text);
      if (key === null || Object.hasOwn(map, key)) throw NOT_PLAIN;
      this.#skip(text);
      map[key] = this.#value(text, true);
    } while (this.#next(',', text));
    return this.#next('}', text) ? this.#leave(map) : stop();
  }

  #enter(text: string): void {
    this.#at += 1;
    this.#skip(text);
    if (++this.#depth > DEEPEST) throw NOT_PLAIN;
  }

  #leave(value: Json): Json {
    this.#depth -= 1;
    return value;
  }

  #key(text: string): string | null {
    KEY.lastIndex = this.#at;
    const found = KEY.exec(text);
    if (found === null) return null;
    this.#at = KEY.lastIndex;
    const plain = found[1];
    if (plain === undefined) return found[3] ?? (found[2] ?? '').replace(/\\(.)/g, '$1');
    return RESERVED.test(plain) ? stop() : plain;
  }

  #take(pattern: RegExp, text: string): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(text);
    if (found === null) return null;
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #skip(text: string): void {
    while (text[this.#at] === ' ') this.#at += 1;
  }

  #next(mark: string, text: string): boolean {
    this.#skip(text);
    if (text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #isEnd(text: string): boolean {
    END.lastIndex = this.#at;
    return END.test(text);
  }
}

function isItem({ text, at }: Line): boolean {
  return text[at] === '-' && (text[at + 1] === ' ' || text.length === at + 1);
}

function stop(): never {
  throw NOT_PLAIN;
}
