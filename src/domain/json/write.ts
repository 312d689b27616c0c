import type { Json } from './json.ts';

/** How `writeJson` writes what JSON may write in more than one way. */
export interface JsonStyle {
  /** The names of an object's members, in the order in which they are written. */
  readonly names: (object: object) => readonly string[];
  readonly string: (text: string) => string;
  readonly number: (number: number) => string;
}

/** Ordered and escaped as `JSON.stringify` does it. */
const PLAIN_STYLE: JsonStyle = {
  names: Object.keys,
  string: JSON.stringify,
  number: (number) => (Number.isFinite(number) ? String(number) : 'null'),
};

/** A list or an object of which some is written. */
interface OpenContainer {
  readonly value: { readonly [key: string | number]: Json | undefined };
  /** Null for a list. */
  readonly names: readonly string[] | null;
  readonly length: number;
  next: number;
  isEmpty: boolean;
}

/**
 * Writes JSON without blanks. It does not recurse, so a value that a hostile server has nested without end is written
 * like any other; `JSON.stringify` throws on it. A member that is undefined is left out.
 */
export function writeJson(value: Json, style: JsonStyle = PLAIN_STYLE): string {
  let text = '';
  let at: OpenContainer | undefined;
  const outer: OpenContainer[] = [];
  let here = value;
  for (;;) {
    if (typeof here === 'string') text += style.string(here);
    else if (typeof here === 'number') text += style.number(here);
    else if (here === null || typeof here === 'boolean') text += here;
    else {
      if (at !== undefined) outer.push(at);
      at = opened(here, style);
      text += at.names === null ? '[' : '{';
    }
    let next: Json | undefined;
    while (next === undefined) {
      if (at === undefined) return text;
      if (at.next === at.length) {
        text += at.names === null ? ']' : '}';
        at = outer.pop();
        continue;
      }
      const index = at.next++;
      const name = at.names?.[index];
      next = at.value[name ?? index];
      if (next === undefined) continue;
      if (!at.isEmpty) text += ',';
      at.isEmpty = false;
      if (name !== undefined) text += `${style.string(name)}:`;
    }
    here = next;
  }
}

function opened(container: object, style: JsonStyle): OpenContainer {
  const names = Array.isArray(container) ? null : style.names(container);
  const length = names === null ? (container as readonly Json[]).length : names.length;
  return { value: container as OpenContainer['value'], names, length, next: 0, isEmpty: true };
}
