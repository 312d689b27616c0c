import { afterWhitespace, CLOSE_OBJECT, COMMA, membersAt, OPEN_OBJECT, type Span, spanOf } from './text.ts';

/** Edits of JSON text that is known to be valid. Every byte outside the edited range stays as it was. */

/** The text with `insert` in place of the range from `start` to `end` (UTF-16 units, `end` excluded). */
export function splice(text: string, start: number, end: number, insert: string): string {
  return text.slice(0, start) + insert + text.slice(end);
}

/** A range of a text, and the text that replaces it. */
export interface Replacement extends Span {
  readonly text: string;
}

/** Applies all replacements in one go, however many there are. They must not overlap; their order does not matter. */
export function withReplacements(text: string, replacements: readonly Replacement[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, text: inserted } of replacements.toSorted((a, b) => a.start - b.start)) {
    parts.push(text.slice(at, start), inserted);
    at = end;
  }
  parts.push(text.slice(at));
  return parts.join('');
}

/**
 * The text without the member at `path` and its comma. Of duplicate keys the last one is removed. Returns the same
 * text when there is no such member.
 */
export function withoutMember(text: string, path: readonly string[]): string {
  const parent = spanOf(text, path.slice(0, -1));
  const name = path.at(-1);
  if (parent === null || name === undefined) return text;
  const members = [...membersAt(text, parent.start)];
  const index = members.findLastIndex((member) => member.key === name);
  const member = members[index];
  if (member === undefined) return text;
  const next = members[index + 1];
  if (next !== undefined) return splice(text, member.keyStart, next.keyStart, '');
  const previous = members[index - 1];
  return splice(text, previous?.end ?? member.keyStart, member.end, '');
}

/**
 * The text with the value at `path` replaced by `json`, or added as the last member of the object that should hold it.
 * Returns the same text when there is no such object.
 */
export function withMember(text: string, path: readonly string[], json: string): string {
  const existing = spanOf(text, path);
  if (existing !== null) return splice(text, existing.start, existing.end, json);
  const parent = spanOf(text, path.slice(0, -1));
  if (parent === null || text.charCodeAt(parent.start) !== OPEN_OBJECT) return text;
  const entry = `${JSON.stringify(path.at(-1))}:${json}`;
  return splice(text, parent.end - 1, parent.end - 1, isEmpty(text, parent) ? entry : `,${entry}`);
}

/** The JSON text of the value at `path`, unchanged; null when there is none. */
export function textAt(text: string, path: readonly string[]): string | null {
  const span = spanOf(text, path);
  return span === null ? null : text.slice(span.start, span.end);
}

function isEmpty(text: string, { start }: Span): boolean {
  const first = text.charCodeAt(afterWhitespace(text, start + 1));
  return first === CLOSE_OBJECT || first === COMMA;
}
