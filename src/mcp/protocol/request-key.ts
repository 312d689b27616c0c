import type { Json } from '../../domain/json/json.ts';

/**
 * A JSON-RPC id as loosely as servers compare the ids of their own requests with those of answers: the official
 * libraries make a number of either. So that no spelling of an id (`"1"`, `1.0`, ` 1`, `1_0`, other digits) slips past
 * the gateway and is still understood by a server. Two ids that differ may have one key.
 */
export function requestKey(id: Json | undefined): string {
  if (typeof id === 'object' && id !== null) return `text ${JSON.stringify(id)}`;
  if (typeof id !== 'string') return String(Number(id ?? 0));
  const text = id
    .normalize('NFKC')
    .replaceAll(/\p{Nd}/gu, asciiDigit)
    .replaceAll(/[\s_]/gu, '');
  const number = Number(text);
  return Number.isNaN(number) ? `text ${id}` : String(number);
}

const DIGIT = /^\p{Nd}$/u;

/** Unicode keeps the ten digits of a script together and in order. */
function asciiDigit(digit: string): string {
  const code = digit.codePointAt(0)!;
  let value = 0;
  while (value < 9 && DIGIT.test(String.fromCodePoint(code - value - 1))) value += 1;
  return String(value);
}
