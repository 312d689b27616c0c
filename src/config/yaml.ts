import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';
import type { Json } from '../domain/json.ts';
import type { Key } from './fault.ts';
import type { JsonPlace, Problem, ReadText } from './json.ts';
import { readPlainYaml } from './plain-yaml.ts';

const DEEPEST = 64;
/** Values a file may come to, aliases followed: what an alias bomb is stopped by. */
const MOST_VALUES = 500_000;

/**
 * Reads YAML 1.2 (core schema) as plain JSON values. Refused: duplicate keys, keys that are no text, foreign tags,
 * values JSON does not have, more than one document, aliases that grow without end. `<<` is an ordinary key.
 */
export function readYaml(text: string): ReadText {
  const plain = readPlainYaml(text);
  if (plain === null) return readWholeYaml(text);
  let document: Document | null = null;
  const place = (path: readonly Key[]): JsonPlace | null => {
    document ??= parsed(text);
    return placeOf(document, path);
  };
  return { ok: true, value: plain.value, place };
}

function parsed(text: string): Document {
  // The package compares each key with each other one to find duplicates; we find them while we convert.
  return parseDocument(text, { prettyErrors: false, stringKeys: true, uniqueKeys: false });
}

/** The whole of YAML, by the package. */
export function readWholeYaml(text: string): ReadText {
  const document = parsed(text);
  const problems = [...document.errors, ...document.warnings].map((error) => ({
    offset: error.pos[0],
    path: [],
    message: error.message.split('\n')[0] ?? error.code,
    expected: 'one valid YAML 1.2 document',
  }));
  if (problems.length > 0) return { ok: false, problems };
  const reader = new YamlReader(document);
  const value = reader.value(document.contents as Node | null);
  if (reader.problems.length > 0) return { ok: false, problems: reader.problems };
  return { ok: true, value, place: (path) => placeOf(document, path) };
}

class YamlReader {
  readonly problems: Problem[] = [];
  readonly #document: Document;
  readonly #path: Key[] = [];
  #values = 0;

  constructor(document: Document) {
    this.#document = document;
  }

  value(node: Node | null): Json {
    if (node === null) return null;
    if (this.#path.length > DEEPEST) return this.#problem(node, 'nested too deeply', `at most ${DEEPEST} levels`);
    if (++this.#values > MOST_VALUES) {
      return this.#values > MOST_VALUES + 1 ? null : this.#problem(node, 'too many values', 'fewer aliases');
    }
    if (isAlias(node)) return this.value(node.resolve(this.#document) ?? null);
    if (isMap(node)) return this.#map(node.items as readonly { key: Node; value: Node | null }[]);
    if (isSeq(node)) return this.#list(node.items as readonly Node[]);
    return isScalar(node)
      ? this.#scalar(node.value, node)
      : this.#problem(node, 'not a value', 'text, number, list or map');
  }

  #map(items: readonly { key: Node; value: Node | null }[]): Json {
    const object: Record<string, Json> = Object.create(null);
    for (const { key: node, value } of items) {
      const key = isScalar(node) ? String(node.value) : null;
      if (key === null) {
        this.#problem(node, 'a key is not plain text', 'a name');
        continue;
      }
      this.#path.push(key);
      if (Object.hasOwn(object, key)) this.#problem(node, `duplicate key ${JSON.stringify(key)}`, 'each key once');
      object[key] = this.value(value);
      this.#path.pop();
    }
    return object;
  }

  #list(items: readonly Node[]): Json {
    return items.map((item, index) => {
      this.#path.push(index);
      const value = this.value(item);
      this.#path.pop();
      return value;
    });
  }

  #scalar(value: unknown, node: Node): Json {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    return this.#problem(node, 'JSON has no such value', 'text, a finite number, true, false or null');
  }

  #problem(node: Node, message: string, expected: string): null {
    this.problems.push({ offset: node.range?.[0] ?? 0, path: [...this.#path], message, expected });
    return null;
  }
}

function placeOf(document: Document, path: readonly Key[]): JsonPlace | null {
  let place: JsonPlace = offsets(null, document.contents as Node | null);
  let here = document.contents as Node | null;
  for (const step of path) {
    if (isAlias(here)) here = here.resolve(document) ?? null;
    if (isMap(here)) {
      const pair = here.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) return null;
      place = offsets(pair.key as Node, pair.value as Node | null);
      here = pair.value as Node | null;
    } else if (isSeq(here) && Number(step) < here.items.length) {
      here = here.items[Number(step)] as Node;
      place = offsets(null, here);
    } else return null;
  }
  return place;
}

function offsets(key: Node | null, value: Node | null): JsonPlace {
  const at = value?.range?.[0] ?? key?.range?.[0] ?? 0;
  return { key: key?.range?.[0] ?? at, value: at };
}
