import { decimal } from '../json/decimal.ts';

/** A header value that is encoded as base64 of UTF-8 (2026-07-28). */
const ENCODED = /^=\?base64\?(.*)\?=$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * What the value of a header says, decoded if it is encoded. Null when it is encoded otherwise than everybody encodes
 * and decodes it: blanks, missing padding, bytes that are not UTF-8.
 */
export function headerText(value: string): string | null {
  const encoded = ENCODED.exec(value)?.[1];
  if (encoded === undefined) return value;
  try {
    const binary = atob(encoded);
    if (btoa(binary) !== encoded) return null;
    return UTF8.decode(Uint8Array.from(binary, (c) => c.charCodeAt(0)));
  } catch {
    return null;
  }
}

/**
 * The number that a text says, as a canonical decimal: it is a plain decimal (`30`, `30.0`), or what JavaScript writes
 * for a number that is very large or small (`1e+21`). Null for every other text: readers differ about `0x1e` and `030`.
 */
export function numberText(text: string): string | null {
  const plain = decimal(text);
  if (plain !== null) return plain;
  const number = Number(text);
  return String(number) === text ? decimal(number) : null;
}
