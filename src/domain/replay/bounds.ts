import type { SeenArgument } from './usage.ts';

/** A condition as a policy file has it. */
export type Bound =
  | { readonly op: 'in'; readonly value: readonly (string | number | boolean)[] }
  | { readonly op: 'between'; readonly least: number; readonly most: number }
  | { readonly op: 'path_under' | 'starts_with'; readonly value: string };

/** Calls that must be known before their arguments bound anything. */
export const FEWEST = 5;
/** Different texts are a set only where each was seen so often on average. */
const OFTEN = 1.5;
const LONGEST_TEXT = 100;
/** A larger number may not be exactly what was sent. */
const LARGEST = 1e15;

/** What holds an argument to what was seen of it; a text: why nothing does. */
export function boundOf(seen: SeenArgument): Bound | string {
  const kinds = [...seen.kinds].filter((kind) => kind !== 'list');
  const [kind, second] = kinds;
  if (seen.hidden) return 'it is hidden, at least in some calls';
  if (kind === undefined) return 'nothing was in it';
  if (second !== undefined) return 'it had values of different kinds';
  if (seen.kinds.has('list') && !kind.endsWith(' in a list')) return 'it was a list and something else';
  switch (kind.replace(' in a list', '')) {
    case 'number':
      return rangeOf(seen);
    case 'boolean':
      return seen.values?.size === 1 ? { op: 'in', value: [...seen.values] } : 'it was true and false';
    case 'string':
      return textsOf(seen);
    default:
      return 'it holds others, which are looked at by themselves';
  }
}

/** From the round number below the least to the one above the most. */
function rangeOf({ least, most }: SeenArgument): Bound | string {
  if (Math.max(Math.abs(least), Math.abs(most)) > LARGEST) return 'its numbers are too large to be told exactly';
  return { op: 'between', least: roundDown(least), most: roundUp(most) };
}

function textsOf({ values, present, prefix }: SeenArgument): Bound | string {
  const listed = values === null ? [] : ([...values] as string[]);
  const isSet = values !== null && (listed.length === 1 || present >= listed.length * OFTEN);
  if (isSet && listed.every(isPlainText)) return { op: 'in', value: listed.sort() };
  const folder = folderIn(prefix ?? '');
  if (folder !== null) return { op: 'path_under', value: folder };
  const origin = /^https?:\/\/[a-z0-9.:[\]-]{1,200}\//i.exec(prefix ?? '')?.[0];
  if (origin !== undefined) return { op: 'starts_with', value: origin };
  return 'its values have too little in common';
}

/** Visible text that stands in a policy as it was sent. */
function isPlainText(text: string): boolean {
  return text.length <= LONGEST_TEXT && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text);
}

/** The folder in which all of them lie; null: it is the root, or they are no plain absolute paths. */
function folderIn(prefix: string): string | null {
  const folder = prefix.slice(0, prefix.lastIndexOf('/'));
  return /^(?:\/[\w.@+-]{1,100}){1,20}$/.test(folder) && !/\/\.{1,2}(?:\/|$)/.test(folder) ? folder : null;
}

/** The next of 1, 2, 5, 10, 20, 50 … that is not smaller; below zero, mirrored. */
export function roundUp(value: number): number {
  if (value <= 0) return value === 0 ? 0 : -roundDown(-value);
  const power = 10 ** Math.floor(Math.log10(value));
  const found = [1, 2, 5, 10].map((digit) => plain(digit * power)).find((round) => round >= value);
  return found ?? value;
}

/** The next of them that is not larger; 0 where all were at least 0 and below 1. */
export function roundDown(value: number): number {
  if (value < 0) return -roundUp(-value);
  if (value < 1) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((digit) => plain(digit * power)).find((round) => round <= value) ?? value;
}

/** Without what doubles add: 0.1 * 3. */
function plain(value: number): number {
  return Number(value.toPrecision(12));
}
