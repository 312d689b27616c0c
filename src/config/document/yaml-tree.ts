import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
} from 'yaml';
import type { Json } from '../../domain/json/json.ts';
import { isExactlyRead } from './exact.ts';
import type { Key } from './fault.ts';
import { DEEPEST, type InexactPlace, type TextPlace, type TextProblem, type TextReading } from './reading.ts';

/** Values that a document may expand to: those behind an alias count each time. This stops alias bombs. */
const MOST_VALUES = 500_000;

/** Reads all of YAML with `yaml`, and reports everything that is wrong. */
export function readYamlTree(text: string): TextReading {
  const document = parsed(text);
  const problems = [...document.errors, ...document.warnings].map((error) => ({
    offset: error.pos[0],
    path: [],
    message: error.message.split('\n')[0] ?? error.code,
    expected: 'one valid YAML 1.2 document',
  }));
  if (problems.length > 0) return { ok: false, problems };
  const targets = targetsOf(document);
  const reader = new TreeReader(targets);
  const value = reader.value(document.contents);
  if (reader.problems.length > 0) return { ok: false, problems: reader.problems };
  const places = new TreePlaces(document, targets);
  return { ok: true, value, place: (path) => places.of(path), inexact: reader.inexact };
}

/** Finds places in a text that was read otherwise. The text is parsed when the first place is asked for. */
export function yamlPlaces(text: string): (path: readonly Key[]) => TextPlace | null {
  let places: TreePlaces | null = null;
  return (path) => {
    if (places === null) {
      const document = parsed(text);
      places = new TreePlaces(document, targetsOf(document));
    }
    return places.of(path);
  };
}

function parsed(text: string): Document {
  // With uniqueKeys the package would compare each key with every other; we find duplicates as we read.
  return parseDocument(text, { prettyErrors: false, stringKeys: true, uniqueKeys: false });
}

/** What each alias refers to. The package's own resolve() searches the whole document for every alias. */
function targetsOf(document: Document): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target !== undefined) targets.set(node, target);
      } else if (node.anchor !== undefined) anchors.set(node.anchor, node as Node);
    },
  });
  return targets;
}

type TreePair = Pair<Node, Node | null>;

class TreeReader {
  readonly problems: TextProblem[] = [];
  readonly inexact: InexactPlace[] = [];
  readonly #targets: ReadonlyMap<Alias, Node>;
  readonly #path: Key[] = [];
  #values = 0;

  constructor(targets: ReadonlyMap<Alias, Node>) {
    this.#targets = targets;
  }

  value(node: Node | null): Json {
    if (node === null) return null;
    if (this.#path.length > DEEPEST) return this.#problem(node, 'nested too deeply', `at most ${DEEPEST} levels`);
    if (++this.#values > MOST_VALUES) {
      return this.#values > MOST_VALUES + 1 ? null : this.#problem(node, 'too many values', 'fewer aliases');
    }
    if (isAlias(node)) return this.#aliased(node);
    if (isMap(node)) return this.#map(node.items as readonly TreePair[]);
    if (isSeq(node)) return this.#list(node.items as readonly Node[]);
    return isScalar(node)
      ? this.#scalar(node.value, node)
      : this.#problem(node, 'not a value', 'text, number, list or map');
  }

  #aliased(alias: Alias): Json {
    const target = this.#targets.get(alias);
    if (target !== undefined) return this.value(target);
    return this.#problem(alias, `no anchor &${alias.source} comes before it`, 'an alias of something above');
  }

  #map(pairs: readonly TreePair[]): Json {
    const object: Record<string, Json> = Object.create(null);
    for (const { key: node, value } of pairs) {
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
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'string') return value.isWellFormed() ? value : this.#isInexact(value, node, null);
    if (typeof value === 'number' && Number.isFinite(value)) {
      const written = (node as Scalar).source ?? String(value);
      return isExactlyRead(written, value) ? value : this.#isInexact(value, node, written);
    }
    return this.#problem(node, 'JSON has no such value', 'text, a finite number, true, false or null');
  }

  #isInexact(value: string | number, node: Node, written: string | null): Json {
    this.inexact.push({ offset: node.range?.[0] ?? 0, path: [...this.#path], written });
    return value;
  }

  #problem(node: Node, message: string, expected: string): null {
    this.problems.push({ offset: node.range?.[0] ?? 0, path: [...this.#path], message, expected });
    return null;
  }
}

/** Finds where the values of a tree are in its text. */
class TreePlaces {
  readonly #document: Document;
  readonly #targets: ReadonlyMap<Alias, Node>;
  /** The pairs of each map that was looked into, by key, so that many faults in one map take linear time. */
  readonly #pairs = new Map<Node, Map<string, TreePair>>();

  constructor(document: Document, targets: ReadonlyMap<Alias, Node>) {
    this.#document = document;
    this.#targets = targets;
  }

  of(path: readonly Key[]): TextPlace | null {
    let here: Node | null = this.#document.contents;
    let place = placeOf(null, here);
    for (const step of path) {
      if (isAlias(here)) here = this.#targets.get(here) ?? null;
      if (isMap(here)) {
        const pair = this.#pairsOf(here).get(String(step));
        if (pair === undefined) return null;
        here = pair.value;
        place = placeOf(pair.key, here);
      } else if (isSeq(here) && Number(step) < here.items.length) {
        here = here.items[Number(step)] as Node;
        place = placeOf(null, here);
      } else return null;
    }
    return place;
  }

  #pairsOf(map: Node & { items: unknown[] }): ReadonlyMap<string, TreePair> {
    let pairs = this.#pairs.get(map);
    if (pairs === undefined) {
      pairs = new Map();
      for (const pair of map.items as TreePair[]) {
        const key = isScalar(pair.key) ? String(pair.key.value) : null;
        if (key !== null && !pairs.has(key)) pairs.set(key, pair);
      }
      this.#pairs.set(map, pairs);
    }
    return pairs;
  }
}

function placeOf(key: Node | null, value: Node | null): TextPlace {
  const at = value?.range?.[0] ?? key?.range?.[0] ?? 0;
  return { key: key?.range?.[0] ?? at, value: at };
}
