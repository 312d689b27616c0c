import { afterBlanks, CLOSE_OBJECT, COMMA, membersAt, OPEN_OBJECT, type Span, spanOf } from './text.ts';

/** Cuts and splices in JSON text that is known to be valid; every other byte stays as it was. */

export function splice(text: string, start: number, end: number, insert: string): string {
  return text.slice(0, start) + insert + text.slice(end);
}

/** What is put in place of a stretch of the text. */
export interface Replacement extends Span {
  readonly put: string;
}

/** The text with all of these at once, in one pass however many they are. None of them overlap. */
export function replaced(text: string, all: readonly Replacement[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, put } of all.toSorted((a, b) => a.start - b.start)) {
    parts.push(text.slice(at, start), put);
    at = end;
  }
  parts.push(text.slice(at));
  return parts.join('');
}

/** The text without the member at `path`, its comma included; the same text when there is none. */
export function withoutMember(text: string, path: readonly string[]): string {
  const parent = spanOf(text, path.slice(0, -1));
  const name = path.at(-1);
  if (parent === null || name === undefined) return text;
  const members = [...membersAt(text, parent.start)];
  const index = members.findLastIndex((member) => member.key === name);
  const member = members[index];
  if (member === undefined) return text;
  const next = members[index + 1];
  if (next !== undefined) return splice(text, member.from, next.from, '');
  const previous = members[index - 1];
  return splice(text, previous?.end ?? member.from, member.end, '');
}

/** The text with the value at `path` put in place of what is there, or added to the object that would hold it. */
export function withMember(text: string, path: readonly string[], json: string): string {
  const there = spanOf(text, path);
  if (there !== null) return splice(text, there.start, there.end, json);
  const parent = spanOf(text, path.slice(0, -1));
  if (parent === null || text.charCodeAt(parent.start) !== OPEN_OBJECT) return text;
  const entry = `${JSON.stringify(path.at(-1))}:${json}`;
  return splice(text, parent.end - 1, parent.end - 1, isEmpty(text, parent) ? entry : `,${entry}`);
}

/** The text of the value at `path`; null when there is none. */
export function textAt(text: string, path: readonly string[]): string | null {
  const span = spanOf(text, path);
  return span === null ? null : text.slice(span.start, span.end);
}

function isEmpty(text: string, { start }: Span): boolean {
  const first = text.charCodeAt(afterBlanks(text, start + 1));
  return first === CLOSE_OBJECT || first === COMMA;
}
