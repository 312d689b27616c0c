import { isExact } from './exact-number.ts';
import type { Json } from './json.ts';
import { hasMemberTwice } from './twice.ts';

/** Levels that arguments may have: within a call they are two levels deeper, and 64 are read. */
const MOST_LEVELS = 60;

/** A JSON text as its one value, or why two readers could take it for different ones: a sentence without its full stop. */
export function exactJson(
  text: string,
): { readonly kind: 'exact'; readonly value: Json } | { readonly kind: 'inexact'; readonly why: string } {
  const inexact = (why: string) => ({ kind: 'inexact', why }) as const;
  let number: string | null = null;
  let value: Json;
  try {
    // Engines of Node 24 and Workers hand in the text of each number; where one does not, nothing can be said of it.
    const read = (_: string, found: unknown, context?: { readonly source?: string }): unknown => {
      if (typeof found === 'number' && !isExact(context?.source ?? 'unknown')) number ??= context?.source ?? 'unknown';
      return found;
    };
    value = JSON.parse(text, read as (key: string, value: unknown) => unknown) as Json;
    value = JSON.parse(text) as Json;
  } catch {
    return inexact('it is not JSON');
  }
  if (number !== null) {
    return inexact(`a double cannot keep the number ${String(number).slice(0, 40)} exactly: write it as a string`);
  }
  if (hasMemberTwice(text)) return inexact('an object has the same member twice');
  return faultIn(value, 0) ?? { kind: 'exact', value };
}

function faultIn(value: Json, level: number): { readonly kind: 'inexact'; readonly why: string } | null {
  if (level > MOST_LEVELS) return { kind: 'inexact', why: `it is nested deeper than ${MOST_LEVELS} levels` };
  if (typeof value === 'string') return value.isWellFormed() ? null : HALF;
  if (typeof value !== 'object' || value === null) return null;
  if (Object.keys(value).some((name) => !name.isWellFormed())) return HALF;
  for (const inner of Object.values(value) as Json[]) {
    const fault = faultIn(inner, level + 1);
    if (fault !== null) return fault;
  }
  return null;
}

const HALF = { kind: 'inexact', why: 'a text holds half of a surrogate pair' } as const;
