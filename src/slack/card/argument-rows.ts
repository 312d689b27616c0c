import type { SentValue } from '../../domain/call/also-sent.ts';
import type { HiddenMarks } from '../../domain/call/hidden-marks.ts';
import { isObject, type Json } from '../../domain/json/json.ts';
import { memberPath } from '../../domain/json/member-path.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import { cut } from '../../text/cut.ts';
import { leftToRight, turnsAround, visible } from '../../text/visible.ts';
import { quoted } from './escape.ts';

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

/** How much is wanted at most, and how hidden values are marked in it. */
export interface RowWishes {
  readonly rows: number;
  /** Of one value. */
  readonly characters: number;
  readonly marks: HiddenMarks;
}

export const everything = (marks: HiddenMarks): RowWishes => ({
  rows: Number.POSITIVE_INFINITY,
  characters: Number.POSITIVE_INFINITY,
  marks,
});

/** Objects and arrays up to this many characters stay on one line. */
const COMPACT = 72;

/** Every leaf of the arguments, in order; only the first ones if there are more than wanted. */
export function argumentRows(args: Json, wanted: RowWishes): ArgumentRow[] {
  const found: ArgumentRow[] = [];
  walk(args, '', found, wanted);
  return found;
}

/** One row for each top-level member, however deep it is; for arguments with too many leaves. */
export function argumentOutline(args: Json, wanted: RowWishes): ArgumentRow[] {
  if (!isObject(args)) return [leaf('', args, wanted)];
  const members = Object.entries(args).slice(0, wanted.rows);
  return members.map(([name, value]) => leaf(memberPath('', name), value, wanted));
}

/** Rows for what is sent besides the arguments, whose names say where it stands. */
export function sentRows(values: Iterable<SentValue>, wanted: RowWishes): ArgumentRow[] {
  const found: ArgumentRow[] = [];
  for (const { name, value } of values) {
    if (found.length >= wanted.rows) break;
    walk(value, name, found, wanted);
  }
  return found;
}

/** The names of the arguments, without their values. */
export function argumentNames(args: Json): string[] {
  return isObject(args) ? Object.keys(args) : [];
}

export const argumentName = (name: string): string => leftToRight(memberPath('', name));

function walk(value: Json, path: string, found: ArgumentRow[], wanted: RowWishes): void {
  if (found.length >= wanted.rows) return;
  if (typeof value !== 'object' || value === null) {
    found.push(leaf(path, value, wanted));
    return;
  }
  const size = Array.isArray(value) ? value.length : Object.keys(value).length;
  if (path !== '' && (size === 0 || fitsOneLine(value))) {
    found.push(leaf(path, value, wanted));
    return;
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (found.length >= wanted.rows) return;
      walk(item, `${path}[${index}]`, found, wanted);
    }
  } else {
    for (const [name, item] of Object.entries(value)) {
      if (found.length >= wanted.rows) return;
      walk(item, memberPath(path, name), found, wanted);
    }
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

function leaf(rawPath: string, value: Json, { characters: most, marks }: RowWishes): ArgumentRow {
  const path = leftToRight(rawPath);
  if (value === REDACTED && marks === 'hidden') return { path, value: REDACTED, multiline: false, omitted: 0 };
  if (typeof value !== 'string') {
    const whole = JSON.stringify(value);
    return { path, value: visible(whole.slice(0, most)), multiline: false, omitted: Math.max(0, whole.length - most) };
  }
  const part = value.slice(0, most);
  const omitted = value.length - part.length;
  if (!/[^\n]\n+[^\n]/.test(part)) return { path, value: quoted(part), multiline: false, omitted };
  // Each line is written as JSON writes it and ends with its `\n`, so that nothing else can look like a line break.
  const lines = part.split('\n').map((line) => quoted(line).slice(1, -1));
  return { path, value: `"${lines.join('\\n\n')}"`, multiline: true, omitted };
}

/** The row with its path and value cut to `limit` characters, and whether that is all of it. */
export function shortenedRow(row: ArgumentRow, limit: number): { readonly row: ArgumentRow; readonly whole: boolean } {
  const path = cut(row.path, Math.max(limit, 48));
  if (row.value.length <= limit && row.omitted === 0) return { row: { ...row, path }, whole: path === row.path };
  const kept = cut(row.value, Math.min(limit, row.value.length - 1));
  const more = (row.value.length - kept.length + 1 + row.omitted).toLocaleString('en-US');
  return { row: { ...row, path, value: `${kept} (+${more})` }, whole: false };
}
