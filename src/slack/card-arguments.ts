import { isObject, type Json } from '../domain/json.ts';
import { REDACTED } from '../domain/redact.ts';
import { cut, leftToRight, quoted, turnsAround, visible } from './escape.ts';

/** One line of the table of arguments: a path and its value, both ready to be shown. */
export interface Row {
  readonly path: string;
  /** Strings are quoted, so that data cannot look like our own words. */
  readonly value: string;
  /** Line breaks that the value really has are broken again in a box of its own. */
  readonly lines: boolean;
}

/** Objects and arrays up to this many characters stay on one line. */
const COMPACT = 72;

/** Every leaf of the arguments, in their order. */
export function rows(args: Json): Row[] {
  const found: Row[] = [];
  walk(args, '', found);
  return found;
}

/** One row a top-level member, however deep it is: the outline, when the leaves are too many. */
export function outline(args: Json): Row[] {
  if (!isObject(args)) return [leaf('', args)];
  return Object.entries(args).map(([name, value]) => leaf(step('', name), value));
}

function walk(value: Json, path: string, found: Row[]): void {
  if (typeof value !== 'object' || value === null) {
    found.push(leaf(path, value));
    return;
  }
  const inner = Array.isArray(value)
    ? value.map((item, index): [string, Json] => [`${path}[${index}]`, item])
    : Object.entries(value).map(([name, item]): [string, Json] => [step(path, name), item]);
  if (path !== '' && (inner.length === 0 || fitsOneLine(value))) {
    found.push(leaf(path, value));
    return;
  }
  for (const [at, item] of inner) walk(item, at, found);
}

function fitsOneLine(value: Json): boolean {
  const text = JSON.stringify(value);
  return text.length <= COMPACT && !turnsAround(text) && !text.includes('\\n');
}

function step(path: string, name: string): string {
  if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name)) return `${path}[${leftToRight(JSON.stringify(name))}]`;
  return path === '' ? leftToRight(name) : `${path}.${leftToRight(name)}`;
}

function leaf(path: string, value: Json): Row {
  if (value === REDACTED) return { path, value: REDACTED, lines: false };
  if (typeof value !== 'string') return { path, value: visible(JSON.stringify(value)), lines: false };
  if (!/[^\n]\n+[^\n]/.test(value)) return { path, value: quoted(value), lines: false };
  // Each line is written as JSON writes it and ends with the `\n` it has, so that nothing else can look like it.
  const lines = value.split('\n').map((line) => quoted(line).slice(1, -1));
  return { path, value: `"${lines.join('\\n\n')}"`, lines: true };
}

/** The row within limits, and whether that is all of it. */
export function shortened(row: Row, limit: number): { readonly row: Row; readonly whole: boolean } {
  const path = cut(row.path, Math.max(limit, 48));
  if (row.value.length <= limit) return { row: { ...row, path }, whole: path === row.path };
  const kept = cut(row.value, limit);
  const more = (row.value.length - kept.length + 1).toLocaleString('en-US');
  return { row: { ...row, path, value: `${kept} (+${more})` }, whole: false };
}
