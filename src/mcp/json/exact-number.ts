/** Longest exponent that is read as one: a mantissa that could make up for more would not fit a request. */
const MAX_EXPONENT_DIGITS = 12;

/**
 * Whether a JSON number token means the same after a double has held it, that is: whether the double's shortest decimal
 * form is numerically equal to the token. Where it is not, two different requests would look alike to whoever reads
 * them as doubles, and RFC 8785 would give them one fingerprint.
 */
export function isExact(token: string): boolean {
  const value = Number(token);
  const wanted = normal(token);
  if (wanted === null || !Number.isFinite(value)) return false;
  const kept = normal(String(value));
  return kept !== null && wanted.digits === kept.digits && wanted.exponent === kept.exponent;
}

interface Decimal {
  /** Without sign, point, leading and trailing zeros; empty for zero. */
  readonly digits: string;
  /** Power of ten of the last digit; 0 for zero. */
  readonly exponent: number;
}

/** The sign never changes on the way through a double, so it is left out. Null: an exponent no double can have. */
function normal(token: string): Decimal | null {
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
