import type { Json } from './json.ts';

/**
 * Exact decimals as text, because a double adds 0.1 and 0.2 inexactly and a budget must be exact. Canonical form: an
 * optional minus, no leading zeros, no trailing zeros after the point, never `-0`. SQL's `numeric` does the sums.
 */
const PLAIN = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?$/;
const WITH_EXPONENT = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/;
/** Longer texts are not amounts; the bound keeps comparisons cheap. */
const LONGEST = 400;

/** The digits that a counter can hold: enough for any currency, and bounded for SQL. */
const AMOUNT_DIGITS = 30;
export const AMOUNT_DECIMALS = 12;

/** The canonical form of a JSON number, or of a text that is a plain decimal. Null for everything else. */
export function decimal(value: Json | undefined): string | null {
  if (typeof value === 'number') return Number.isFinite(value) ? ofNumber(value) : null;
  if (typeof value !== 'string' || value.length > LONGEST) return null;
  const parts = PLAIN.exec(value);
  return parts === null ? null : join(parts[1] === '-', parts[2]!, parts[3] ?? '');
}

/** The shortest text of a double is what its author wrote, unless the double could not represent it. */
function ofNumber(value: number): string {
  // Of a short integer the text is canonical; looking at it would take many times as long.
  if (Number.isSafeInteger(value)) return String(value);
  const text = String(value);
  const plain = PLAIN.exec(text);
  if (plain !== null) return join(plain[1] === '-', plain[2]!, plain[3] ?? '');
  const [, sign, whole = '', fraction = '', power = '0'] = WITH_EXPONENT.exec(text)!;
  const digits = whole + fraction;
  const point = whole.length + Number(power);
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0');
  const at = Math.max(point, 1);
  return join(sign === '-', padded.slice(0, at), padded.slice(at));
}

function join(negative: boolean, whole: string, fraction: string): string {
  const kept = fraction.replace(/0+$/, '');
  const text = (whole.replace(/^0+(?=\d)/, '') || '0') + (kept === '' ? '' : `.${kept}`);
  return negative && text !== '0' ? `-${text}` : text;
}

/** Below zero when `a` is less than `b`. Both canonical. */
export function compare(a: string, b: string): number {
  const [minusA, minusB] = [a.startsWith('-'), b.startsWith('-')];
  if (minusA !== minusB) return minusA ? -1 : 1;
  const order = compareSizes(minusA ? a.slice(1) : a, minusB ? b.slice(1) : b);
  return minusA ? -order : order;
}

function compareSizes(a: string, b: string): number {
  const [wholeA = '', fractionA = ''] = a.split('.');
  const [wholeB = '', fractionB = ''] = b.split('.');
  if (wholeA.length !== wholeB.length) return wholeA.length - wholeB.length;
  if (wholeA !== wholeB) return wholeA < wholeB ? -1 : 1;
  return fractionA === fractionB ? 0 : fractionA < fractionB ? -1 : 1;
}

/** Why a value cannot be the amount that a call takes from a counter. */
export type NoAmount = 'missing' | 'not_a_number' | 'negative' | 'too_precise';

/** The amount that a call takes, in canonical form. A negative amount would refill the counter, so it is refused. */
export function amount(value: Json | undefined): { readonly amount: string } | { readonly refused: NoAmount } {
  if (value === undefined || value === null) return { refused: 'missing' };
  const text = decimal(value);
  if (text === null) return { refused: 'not_a_number' };
  if (text.startsWith('-')) return { refused: 'negative' };
  const [whole = '', fraction = ''] = text.split('.');
  if (whole.length > AMOUNT_DIGITS || fraction.length > AMOUNT_DECIMALS) return { refused: 'too_precise' };
  return { amount: text };
}
