import { isObject, type Json } from '../../domain/json.ts';
import { REDACTED } from '../../domain/redact.ts';
import { cut, leftToRight, quoted, turnsAround, visible } from './escape.ts';

/** One line of the table of arguments: a path and its value, both ready to be shown. */
export interface ArgumentRow {
  readonly path: string;
  /** Strings are quoted, so that data cannot look like our own words. */
  readonly value: string;
  /** Line breaks that the value really has are broken again in a box of its own. */
  readonly lines: boolean;
  /** Characters of the value that were left out here already. */
  readonly left: number;
}

/** How much a reader wants at most; everything when absent. */
export interface RowLimits {
  readonly rows: number;
  /** Of one value. */
  readonly characters: number;
}

const EVERYTHING: RowLimits = { rows: Number.POSITIVE_INFINITY, characters: Number.POSITIVE_INFINITY };

/** Objects and arrays up to this many characters stay on one line. */
const COMPACT = 72;

/** Every leaf of the arguments, in their order; the first ones when there are more than wanted. */
export function argumentRows(args: Json, wanted: RowLimits = EVERYTHING): ArgumentRow[] {
  const found: ArgumentRow[] = [];
  walk(args, '', found, wanted);
  return found;
}

/** One row a top-level member, however deep it is: the outline, when the leaves are too many. */
export function argumentOutline(args: Json, wanted: RowLimits): ArgumentRow[] {
  if (!isObject(args)) return [leaf('', args, wanted.characters)];
  const members = Object.entries(args).slice(0, wanted.rows);
  return members.map(([name, value]) => leaf(step('', name), value, wanted.characters));
}

/** The names of the arguments, without their values. */
export function argumentNames(args: Json): string[] {
  return isObject(args) ? Object.keys(args) : [];
}

export const argumentName = (name: string): string => step('', name);

function walk(value: Json, path: string, found: ArgumentRow[], wanted: RowLimits): void {
  if (found.length >= wanted.rows) return;
  if (typeof value !== 'object' || value === null) {
    found.push(leaf(path, value, wanted.characters));
    return;
  }
  const size = Array.isArray(value) ? value.length : Object.keys(value).length;
  if (path !== '' && (size === 0 || fitsOneLine(value))) {
    found.push(leaf(path, value, wanted.characters));
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
      walk(item, step(path, name), found, wanted);
    }
  }
}

/** Each level asks again, so the text is made only of what is small: quadratic work would hold the door up. */
function fitsOneLine(value: Json): boolean {
  if (!isSmall(value, COMPACT)) return false;
  const text = JSON.stringify(value);
  return text.length <= COMPACT && !turnsAround(text) && !text.includes('\\n');
}

/** No more than `most` members and characters in all, found without reading further than that. */
function isSmall(value: Json, most: number): boolean {
  let left = most;
  const stack: Json[] = [value];
  while (stack.length > 0 && left >= 0) {
    const item = stack.pop()!;
    left -= typeof item === 'string' ? item.length : 1;
    if (typeof item !== 'object' || item === null) continue;
    const inner = Array.isArray(item) ? item : Object.values(item);
    if (inner.length > left) return false;
    stack.push(...inner);
  }
  return left >= 0;
}

function step(path: string, name: string): string {
  if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name)) return `${path}[${leftToRight(JSON.stringify(name))}]`;
  return path === '' ? leftToRight(name) : `${path}.${leftToRight(name)}`;
}

function leaf(path: string, value: Json, most: number): ArgumentRow {
  if (value === REDACTED) return { path, value: REDACTED, lines: false, left: 0 };
  if (typeof value !== 'string') {
    const whole = JSON.stringify(value);
    return { path, value: visible(whole.slice(0, most)), lines: false, left: Math.max(0, whole.length - most) };
  }
  const part = value.slice(0, most);
  const left = value.length - part.length;
  if (!/[^\n]\n+[^\n]/.test(part)) return { path, value: quoted(part), lines: false, left };
  // Each line is written as JSON writes it and ends with the `\n` it has, so that nothing else can look like it.
  const lines = part.split('\n').map((line) => quoted(line).slice(1, -1));
  return { path, value: `"${lines.join('\\n\n')}"`, lines: true, left };
}

/** The row within limits, and whether that is all of it. */
export function shortenedRow(row: ArgumentRow, limit: number): { readonly row: ArgumentRow; readonly whole: boolean } {
  const path = cut(row.path, Math.max(limit, 48));
  if (row.value.length <= limit && row.left === 0) return { row: { ...row, path }, whole: path === row.path };
  const kept = cut(row.value, Math.min(limit, row.value.length - 1));
  const more = (row.value.length - kept.length + 1 + row.left).toLocaleString('en-US');
  return { row: { ...row, path, value: `${kept} (+${more})` }, whole: false };
}
