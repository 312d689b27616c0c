import type { TextReading } from './reading.ts';
import { readYamlEvents } from './yaml-events.ts';
import { readYamlTree, yamlPlaces } from './yaml-tree.ts';

/**
 * Reads YAML 1.2 (core schema) as plain JSON values. Refused are duplicate keys, keys that are not text, tags that the
 * schema does not have, values that JSON does not have, more than one document, and aliases that expand to too many
 * values. `<<` is an ordinary key.
 *
 * The values are read with `js-yaml`, which is fast. When it gives up, `yaml` reads the text: it says everything that
 * is wrong and where, and reads the little that `js-yaml` does not (aliases; a closing bracket in the column of its
 * key). `yaml` also finds the places of values, when somebody asks for one.
 */
export function readYaml(text: string): TextReading {
  const read = readYamlEvents(text);
  return read === null ? readYamlTree(text) : { ok: true, value: read.value, place: yamlPlaces(text), inexact: [] };
}
