import { isObject, type Json, type JsonObject, member } from '../json/json.ts';

/** Values of a schema that are read, with what its references stand for; and levels of references. */
const MOST_NODES = 4_000;
const MOST_LEVELS = 12;

/**
 * Members that are not read: a pattern of a server's may take for ever on a text that it chooses, and names that are
 * matched by patterns with them. Its server checks them.
 */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...['pattern', 'patternProperties', 'propertyNames', 'default', 'examples', '$defs', 'definitions', '$schema', '$id'],
  ...['$anchor', '$dynamicAnchor', '$comment', 'format', 'contentEncoding', 'contentMediaType', 'if', 'then', 'else'],
  ...['not', 'unevaluatedProperties', 'unevaluatedItems', 'dependentSchemas', 'dependentRequired', 'contains'],
]);

/** Members whose values are data, or schemas by name. */
const DATA: ReadonlySet<string> = new Set(['const', 'enum', 'required']);

class TooMuch extends Error {}

/**
 * A tool's input schema with its references in place, without what cannot be checked in a bounded time; null: it is too
 * long, or refers to what is not in it. References that lead into themselves admit anything at some depth.
 */
export function plainSchema(schema: Json): JsonObject | null {
  if (!isObject(schema)) return null;
  let nodes = 0;
  const copy = (value: Json, level: number, isNames: boolean): Json => {
    nodes += 1;
    if (nodes > MOST_NODES) throw new TooMuch();
    if (Array.isArray(value)) return (value as readonly Json[]).map((item) => copy(item, level, false));
    if (!isObject(value)) return value;
    const reference = isNames ? undefined : member(value, '$ref');
    if (typeof reference === 'string') {
      return level >= MOST_LEVELS ? {} : copy(found(schema, reference), level + 1, false);
    }
    const members = new Map<string, Json>();
    for (const [name, inner] of Object.entries(value)) {
      if (!isNames && (LEFT_OUT.has(name) || name.startsWith('x-'))) continue;
      // What a pattern admits is not known here, so nothing is called unknown beside one.
      if (!isNames && name === 'additionalProperties' && member(value, 'patternProperties') !== undefined) continue;
      members.set(name, !isNames && DATA.has(name) ? inner : copy(inner, level, !isNames && name === 'properties'));
    }
    return Object.fromEntries(members);
  };
  try {
    const plain = copy(schema, 0, false);
    return isObject(plain) ? plain : null;
  } catch (error) {
    if (error instanceof TooMuch) return null;
    throw error;
  }
}

/** What a reference within the schema leads to: `#/$defs/name`. */
function found(schema: JsonObject, reference: string): Json {
  if (reference !== '#' && !reference.startsWith('#/')) throw new TooMuch();
  let at: Json | undefined = schema;
  for (const step of reference.split('/').slice(1)) {
    at = member(at, step.replaceAll('~1', '/').replaceAll('~0', '~'));
  }
  if (at === undefined) throw new TooMuch();
  return at;
}
