import {
  boolCoreTag,
  COLLECTION_STYLE,
  EVENT_ID,
  type Event,
  floatCoreTag,
  getScalarValue,
  intCoreTag,
  NOT_RESOLVED,
  nullCoreTag,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
} from 'js-yaml';
import type { Json } from '../../domain/json/json.ts';
import { isExactlyRead } from './exact.ts';
import { DEEPEST } from './reading.ts';

/**
 * Reads YAML with `js-yaml`, in a fraction of the time that `yaml` takes. Null for every fault, and for what is rare in
 * our files or read differently by the two packages: tags, anchors, aliases, numbers that a double cannot keep, and what is listed below. Whatever is read
 * here, `yaml` reads the same, but for a fault of its own (a comment without a blank after `#`); tests compare the two.
 */
export function readYamlEvents(text: string): { readonly value: Json } | null {
  if (text.length > LONGEST || DIFFERS.test(text)) return null;
  try {
    return { value: new EventReader(text).document() };
  } catch {
    return null;
  }
}

/** UTF-16 units. A text of this length cannot hold more values than a document may. */
const LONGEST = 900_000;
/**
 * Tabs, carriage returns without a line feed, byte order marks, `\U` escapes, escaped line breaks, directives, `...`
 * and indented `---` lines, block scalars that keep trailing line breaks or state their indentation.
 */
const DIFFERS = /[\t\ufeff]|\r(?!\n)|\\(?:U|\r?$)|^(?:%|\.\.\.| +---)|(?<=^| )[|>](?:\+\d?|-?\d|\d[-+])(?=\s|$)/m;
const ABSENT = -1;
/** A plain scalar that is null, a boolean or a number begins with one of these. */
const NOT_ALWAYS_TEXT = /^[-+.~\dnNtTfF]/;
const CORE = [nullCoreTag, boolCoreTag, intCoreTag, floatCoreTag];

class EventReader {
  readonly #text: string;
  readonly #events: readonly Event[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#events = parseEvents(text, { maxDepth: DEEPEST + 1 });
  }

  document(): Json {
    if (this.#events.length === 0) return null;
    // An indented block scalar that is the whole document is read differently.
    if (this.#events[1]!.type === EVENT_ID.SCALAR) giveUp('neither a map nor a list');
    this.#at = 1;
    const value = this.#value(0);
    // Only the end of the document is left, unless another document follows.
    return this.#at + 1 === this.#events.length ? value : giveUp('more than one document');
  }

  #value(depth: number): Json {
    const event = this.#events[this.#at++]!;
    if (depth > DEEPEST) giveUp('nested too deeply');
    if ('anchorStart' in event && event.anchorStart !== ABSENT) giveUp('an anchor or an alias');
    if ('tagStart' in event && event.tagStart !== ABSENT) giveUp('a tag');
    switch (event.type) {
      case EVENT_ID.SCALAR:
        return this.#scalar(event);
      case EVENT_ID.SEQUENCE:
        return this.#list(depth);
      case EVENT_ID.MAPPING:
        return this.#map(depth, event.style === COLLECTION_STYLE.BLOCK);
      default:
        return giveUp('not a value');
    }
  }

  #list(depth: number): Json {
    const list: Json[] = [];
    while (!this.#ends()) list.push(this.#value(depth + 1));
    return list;
  }

  #map(depth: number, isBlock: boolean): Json {
    const map: Record<string, Json> = Object.create(null);
    for (let first = true; !this.#ends(); first = false) {
      const key = this.#key(isBlock && !first);
      if (Object.hasOwn(map, key)) giveUp('a duplicate key');
      map[key] = this.#value(depth + 1);
    }
    return map;
  }

  /** Keys are text, whatever they look like: `1`, `true` and `null` are names. */
  #key(beginsLine: boolean): string {
    const event = this.#events[this.#at++]!;
    if (event.type !== EVENT_ID.SCALAR || event.valueStart === ABSENT) return giveUp('a key that is not text');
    if (event.anchorStart !== ABSENT || event.tagStart !== ABSENT) return giveUp('a key with an anchor or a tag');
    if (beginsLine && !this.#beginsLine(event)) return giveUp('a key on the line of the value before it');
    return getScalarValue(this.#text, event);
  }

  /** js-yaml accepts a key on the line where the list before it ends: `- [a] key: b`. */
  #beginsLine({ valueStart, style }: ScalarEvent): boolean {
    let at = valueStart - (style === SCALAR_STYLE.PLAIN ? 1 : 2);
    while (this.#text[at] === ' ') at -= 1;
    return this.#text[at] === '\n';
  }

  #scalar(event: ScalarEvent): Json {
    const text = getScalarValue(this.#text, event);
    if (!text.isWellFormed()) giveUp('text that is not well-formed');
    if (event.style !== SCALAR_STYLE.PLAIN || (text !== '' && !NOT_ALWAYS_TEXT.test(text))) return text;
    for (const tag of CORE) {
      const value = tag.resolve(text, false, tag.tagName);
      if (value === NOT_RESOLVED) continue;
      return typeof value === 'number' && !isExactlyRead(text, value) ? giveUp('not an exact number') : (value as Json);
    }
    // A number that is too large for a double is text to js-yaml and infinite to yaml.
    return Math.abs(Number(text)) === Number.POSITIVE_INFINITY ? giveUp('not a finite number') : text;
  }

  #ends(): boolean {
    if (this.#events[this.#at]!.type !== EVENT_ID.POP) return false;
    this.#at += 1;
    return true;
  }
}

function giveUp(why: string): never {
  throw new Error(why);
}
