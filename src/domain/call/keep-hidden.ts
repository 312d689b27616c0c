import { canonical } from '../json/canonical.ts';
import { isObject, type Json, type JsonObject } from '../json/json.ts';
import { memberPath } from '../json/member-path.ts';

/** Proposed arguments with what is hidden in them put back, or the place that was touched. */
export type KeptHidden =
  | { readonly kind: 'kept'; readonly args: JsonObject; readonly places: ReadonlyMap<string, string> }
  /** What is hidden stands here, and the proposal changes it, moves it or leaves it out. */
  | { readonly kind: 'touched'; readonly path: string };

class Touched extends Error {
  readonly path: string;
  constructor(path: string) {
    super(path);
    this.path = path;
  }
}

/**
 * A person proposes arguments by what they were shown. Where `shown` is not what `actual` says, something is hidden: there
 * the proposal must say just what was shown, and the actual value takes its place. `places`: those places, with the value's
 * canonical form.
 */
export function keepHidden(actual: JsonObject, shown: JsonObject, proposed: JsonObject): KeptHidden {
  const places = new Map<string, string>();
  try {
    return { kind: 'kept', args: kept(actual, shown, proposed, '', places) as JsonObject, places };
  } catch (error) {
    if (error instanceof Touched) return { kind: 'touched', path: error.path };
    throw error;
  }
}

/** The places of `shown` where `actual` says something else. */
export function hiddenIn(actual: JsonObject, shown: JsonObject): ReadonlyMap<string, string> {
  const found = keepHidden(actual, shown, shown);
  return found.kind === 'kept' ? found.places : new Map();
}

function kept(actual: Json, shown: Json, proposed: Json | undefined, path: string, places: Map<string, string>): Json {
  if (canonical(actual) === canonical(shown)) return proposed as Json;
  if (isObject(actual) && isObject(shown) && isObject(proposed) && haveSameNames(actual, shown)) {
    const members = new Map<string, Json>(Object.entries(proposed));
    for (const [name, value] of Object.entries(actual)) {
      const said = shown[name]!;
      if (canonical(value) === canonical(said)) continue;
      members.set(name, kept(value, said, members.get(name), memberPath(path, name), places));
    }
    return Object.fromEntries(members);
  }
  if (isList(actual) && isList(shown) && isList(proposed) && actual.length === shown.length) {
    const items: Json[] = [...proposed];
    for (const [index, value] of actual.entries()) {
      const said = shown[index]!;
      if (canonical(value) === canonical(said)) continue;
      items[index] = kept(value, said, items[index], `${path}[${index}]`, places);
    }
    return items;
  }
  if (proposed === undefined || canonical(proposed) !== canonical(shown)) throw new Touched(path);
  places.set(path, canonical(actual));
  return actual;
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function haveSameNames(one: JsonObject, other: JsonObject): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name));
}
