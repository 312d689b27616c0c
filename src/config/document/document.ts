import type { Json } from '../../domain/json/json.ts';
import { type Fault, type Key, pathText } from './fault.ts';
import { readJson } from './json.ts';
import { LineIndex } from './lines.ts';
import type { InexactPlace, TextPlace, TextProblem, TextReading } from './reading.ts';
import { readYaml } from './yaml.ts';

export type Format = 'json' | 'yaml';

/** A file's text as a value, and the line of any place in that value. */
export interface Document {
  readonly value: Json;
  /** Values that are not exactly what is written. */
  readonly inexact: readonly InexactPlace[];
  /** Makes a fault at a path. `key`: it points at the key rather than at the value. */
  fault(path: readonly Key[], message: string, expected: string | null, key?: boolean): Fault;
}

export type DocumentReading =
  | { readonly ok: true; readonly document: Document }
  | { readonly ok: false; readonly faults: Fault[] };

/** No real file is longer, in UTF-16 units. */
const LONGEST = 8 * 1024 * 1024;

/** `.json` is JSON, everything else YAML. */
export function formatOf(path: string): Format {
  return path.toLowerCase().endsWith('.json') ? 'json' : 'yaml';
}

/** Reads text of either format. Duplicate keys, unknown tags and alias bombs are faults; no key is special. */
export function readDocument(text: string, file: string, format: Format = formatOf(file)): DocumentReading {
  const lines = new LineIndex(text);
  const at = (offset: number, problem: Omit<TextProblem, 'offset'>): Fault => ({
    file,
    ...lines.position(offset),
    path: pathText(problem.path),
    message: problem.message,
    expected: problem.expected,
  });
  if (text.length > LONGEST) {
    return { ok: false, faults: [at(0, { path: [], message: 'the file is too long', expected: 'at most 8 MiB' })] };
  }
  const read = format === 'json' ? readJson(text) : readYaml(text);
  if (!read.ok) return { ok: false, faults: read.problems.map((problem) => at(problem.offset, problem)) };
  const offsetOf = (path: readonly Key[], key: boolean): number => {
    const place = nearestPlace(path, read.place);
    return place === null ? 0 : key ? place.key : place.value;
  };
  return { ok: true, document: documentOf(read, file, lines, offsetOf) };
}

function documentOf(
  { value, inexact }: Extract<TextReading, { ok: true }>,
  file: string,
  lines: LineIndex,
  offsetOf: (path: readonly Key[], key: boolean) => number,
): Document {
  return {
    value,
    inexact,
    fault: (path, message, expected, key = false) => ({
      file,
      ...lines.position(offsetOf(path, key)),
      path: pathText(path),
      message,
      expected,
    }),
  };
}

/** The place of a path or, where something is missing, of the nearest parent that is there. */
function nearestPlace(path: readonly Key[], find: (path: readonly Key[]) => TextPlace | null): TextPlace | null {
  for (let shorter = path; ; shorter = shorter.slice(0, -1)) {
    const found = find(shorter);
    if (found !== null || shorter.length === 0) return found;
  }
}
