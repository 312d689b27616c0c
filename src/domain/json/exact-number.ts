/** Longest exponent that is evaluated, in digits. A mantissa that could offset a larger one would not fit a request. */
const MAX_EXPONENT_DIGITS = 12;

/**
 * Whether a JSON number token keeps its value when it is read as a double: whether the double's shortest decimal form
 * is numerically equal to the token. If it is not, two different requests look the same to anybody who reads them as
 * doubles, and RFC 8785 gives them the same fingerprint.
 */
export function isExact(token: string): boolean {
  const value = Number(token);
  const written = toDecimal(token);
  if (written === null || !Number.isFinite(value)) return false;
  const kept = toDecimal(String(value));
  return kept !== null && written.digits === kept.digits && written.exponent === kept.exponent;
}

interface Decimal {
  /** Without sign, point, leading and trailing zeros; empty for zero. */
  readonly digits: string;
  /** Power of ten of the last digit; 0 for zero. */
  readonly exponent: number;
}

/** A double never changes a number's sign, so the sign is left out. Null: no double can have this exponent. */
function toDecimal(token: string): Decimal | null {
  const unsigned = token.startsWith('-') ? token.slice(1) : token;
  const e = unsigned.search(/[eE]/);
  const mantissa = e < 0 ? unsigned : unsigned.slice(0, e);
  const point = mantissa.indexOf('.');
  const fraction = point < 0 ? 0 : mantissa.length - point - 1;
  const all = point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1);

  const first = firstDigit(all);
  if (first === all.length) return { digits: '', exponent: 0 };
  const exponent = e < 0 ? 0 : readExponent(unsigned.slice(e + 1));
  if (exponent === null) return null;
  const end = lastDigit(all) + 1;
  return { digits: all.slice(first, end), exponent: exponent - fraction + (all.length - end) };
}

function firstDigit(digits: string): number {
  let i = 0;
  while (i < digits.length && digits.charCodeAt(i) === 0x30) i++;
  return i;
}

function lastDigit(digits: string): number {
  let i = digits.length - 1;
  while (i >= 0 && digits.charCodeAt(i) === 0x30) i--;
  return i;
}

function readExponent(text: string): number | null {
  const negative = text.startsWith('-');
  const digits = negative || text.startsWith('+') ? text.slice(1) : text;
  const significant = digits.slice(firstDigit(digits));
  if (significant.length > MAX_EXPONENT_DIGITS) return null;
  return negative ? -Number(significant) : Number(significant);
}
