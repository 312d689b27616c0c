import type { SentValue } from '../../domain/call/also-sent.ts';
import type { HiddenMarks } from '../../domain/call/hidden-marks.ts';
import { isObject, type Json } from '../../domain/json/json.ts';
import { memberPath } from '../../domain/json/member-path.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import { cut } from '../../text/cut.ts';
import { leftToRight, turnsAround, visible } from '../../text/visible.ts';
import { quoted } from './escape.ts';

/** One value of a call and its path, not yet safe to show: making text safe costs, so it is done for what is shown. */
export interface ArgumentLeaf {
  readonly path: string;
  /** A string; of any other value its JSON. */
  readonly text: string;
  readonly isString: boolean;
}

/** One row of the table of arguments: a path and its value, both safe to show. */
export interface ArgumentRow {
  readonly path: string;
  /** Strings are quoted, so that data cannot look like our own words. */
  readonly value: string;
  /** The value has line breaks, so it is shown over several lines in a box of its own. */
  readonly multiline: boolean;
  /** How many characters of the value were already left out here. */
  readonly omitted: number;
}

/** Objects and arrays up to this many characters stay on one line. */
const COMPACT = 72;
/** Fewest characters to which a path is cut. */
const SHORTEST_PATH = 48;

/** Every leaf of the arguments, in order; at most so many. */
export function argumentLeaves(args: Json, most = Number.POSITIVE_INFINITY): ArgumentLeaf[] {
  const found: ArgumentLeaf[] = [];
  walk(args, '', found, most);
  return found;
}

/** One leaf for each top-level member, however deep it is; for arguments with too many leaves. */
export function argumentOutline(args: Json, most: number): ArgumentLeaf[] {
  if (!isObject(args)) return [leafOf('', args)];
  const names = Object.keys(args);
  return names.length > most ? [] : names.map((name) => leafOf(memberPath('', name), args[name]!));
}

/** Leaves of what is sent besides the arguments, whose names say where it stands. */
export function sentLeaves(values: Iterable<SentValue>, most = Number.POSITIVE_INFINITY): ArgumentLeaf[] {
  const found: ArgumentLeaf[] = [];
  for (const { name, value } of values) {
    if (found.length >= most) break;
    walk(value, name, found, most);
  }
  return found;
}

function walk(value: Json, path: string, found: ArgumentLeaf[], most: number): void {
  if (found.length >= most) return;
  if (typeof value !== 'object' || value === null) {
    found.push(leafOf(path, value));
    return;
  }
  const names = Array.isArray(value) ? null : Object.keys(value);
  const size = names === null ? (value as readonly Json[]).length : names.length;
  if (path !== '' && (size === 0 || fitsOneLine(value))) {
    found.push(leafOf(path, value));
    return;
  }
  for (let index = 0; index < size && found.length < most; index++) {
    if (names === null) walk((value as readonly Json[])[index]!, `${path}[${index}]`, found, most);
    else walk((value as { [name: string]: Json })[names[index]!]!, memberPath(path, names[index]!), found, most);
  }
}

/** Every level of nesting asks this, so text is made only from what is small: otherwise the work would be quadratic. */
function fitsOneLine(value: Json): boolean {
  if (!isSmall(value, COMPACT)) return false;
  const text = JSON.stringify(value);
  return text.length <= COMPACT && !turnsAround(text) && !text.includes('\\n');
}

/** Whether there are at most `most` members and characters in all; reads no further than that. */
function isSmall(value: Json, most: number): boolean {
  let budget = most;
  const stack: Json[] = [value];
  while (stack.length > 0 && budget >= 0) {
    const item = stack.pop()!;
    // On a line with others, a hidden value could not be told from a text that reads the same.
    if (item === REDACTED) return false;
    budget -= typeof item === 'string' ? item.length : 1;
    if (typeof item !== 'object' || item === null) continue;
    const inner = Array.isArray(item) ? item : Object.values(item);
    if (inner.length > budget) return false;
    stack.push(...inner);
  }
  return budget >= 0;
}

function leafOf(path: string, value: Json): ArgumentLeaf {
  return typeof value === 'string'
    ? { path, text: value, isString: true }
    : { path, text: JSON.stringify(value), isString: false };
}

/** The whole leaf, safe to show. */
export function wholeRow(leaf: ArgumentLeaf, marks: HiddenMarks): ArgumentRow {
  return rowOf(leaf, marks, Number.POSITIVE_INFINITY);
}

/** The leaf with its path and value cut to `limit` characters, and whether that is all of it. */
export function shortenedRow(
  leaf: ArgumentLeaf,
  marks: HiddenMarks,
  limit: number,
): { readonly row: ArgumentRow; readonly whole: boolean } {
  // One character more than is shown, to notice that there are more.
  const row = rowOf(leaf, marks, limit + 1);
  const path = cut(row.path, Math.max(limit, SHORTEST_PATH));
  if (row.value.length <= limit && row.omitted === 0) return { row: { ...row, path }, whole: path === row.path };
  const kept = cut(row.value, Math.min(limit, row.value.length - 1));
  const more = (row.value.length - kept.length + 1 + row.omitted).toLocaleString('en-US');
  return { row: { ...row, path, value: `${kept} (+${more})` }, whole: false };
}

/** Makes at most so many characters of the value, and of the path, safe to show. No text gets shorter by that. */
function rowOf(leaf: ArgumentLeaf, marks: HiddenMarks, most: number): ArgumentRow {
  const path = leftToRight(leaf.path.slice(0, Math.max(most, SHORTEST_PATH + 1)));
  const { text, isString } = leaf;
  if (isString && text === REDACTED && marks === 'hidden')
    return { path, value: REDACTED, multiline: false, omitted: 0 };
  const part = text.slice(0, most);
  const omitted = text.length - part.length;
  if (!isString) return { path, value: visible(part), multiline: false, omitted };
  if (!/[^\n]\n+[^\n]/.test(part)) return { path, value: quoted(part), multiline: false, omitted };
  // Each line is written as JSON writes it and ends with its `\n`, so that nothing else can look like a line break.
  const lines = part.split('\n').map((line) => quoted(line).slice(1, -1));
  return { path, value: `"${lines.join('\\n\n')}"`, multiline: true, omitted };
}
