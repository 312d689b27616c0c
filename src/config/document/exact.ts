import { isExact } from '../../domain/json/exact-number.ts';
import type { InexactPlace } from './reading.ts';

/** Whether a number of YAML's core schema or of JSON keeps its value as a double. `written`: as it stands in the text. */
export function isExactlyRead(written: string, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  if (/^0[ox]/.test(written)) return BigInt(written) === BigInt(value);
  return isExact(written.startsWith('+') ? written.slice(1) : written);
}

/** Why a value of a file cannot be compared with what agents send, and what would be right. */
export function inexactFault({ written }: InexactPlace): { readonly message: string; readonly expected: string } {
  if (written === null) {
    return { message: 'holds half of a surrogate pair (\\ud800 to \\udfff)', expected: 'whole Unicode characters' };
  }
  const shown = written.length > 40 ? `${written.slice(0, 40)}…` : written;
  return {
    message: `is ${shown}, which a double cannot keep (it would be read as ${Number(written)})`,
    expected: 'a number of at most 15 digits, or all its digits as text, in quotes',
  };
}
