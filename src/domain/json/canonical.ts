import type { Json } from './json.ts';
import { type JsonStyle, writeJson } from './write.ts';

/** What JSON does not escape: printable ASCII without quotes and backslashes. */
const PLAIN = /^[ !#-[\]-~]*$/;

const CANONICAL: JsonStyle = {
  names: (object) => Object.keys(object).sort(),
  string: canonicalString,
  number: canonicalNumber,
};

/**
 * JSON in canonical form (RFC 8785): members sorted by the UTF-16 units of their names, no blanks, strings and numbers
 * as ECMAScript writes them. Runs on every call, faster than the package `canonicalize`, against which it is tested.
 * Values may be nested to any depth: a server's tool list is not bounded as a call's arguments are. A member that is
 * undefined is left out. Throws on what has no canonical form: lone surrogates, NaN, infinities.
 */
export function canonical(value: Json): string {
  return writeJson(value, CANONICAL);
}

function canonicalString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new Error('a lone surrogate has no canonical form');
  return JSON.stringify(text);
}

function canonicalNumber(number: number): string {
  if (!Number.isFinite(number)) throw new Error(`${number} has no canonical form`);
  return String(number);
}
