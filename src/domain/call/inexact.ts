/** `number`: has more digits than a double keeps. `too_large`, `too_small`: is beyond any double, or nearer to 0. */
export type InexactNumber = 'number' | 'too_large' | 'too_small';

/** A value of a message that two readers could take for different ones: a number, or text with half of a surrogate pair, in a string or a name. */
export interface InexactValue {
  readonly kind: InexactNumber | 'text';
  /** JSON pointer from the message's root, for people: long names are cut. */
  readonly pointer: string;
  /** Names and indices from the message's root; null stands for any member. */
  readonly steps: readonly (string | null)[];
}

/** The values of a message that readers could take for different ones, in the order of its text. */
export interface InexactValues {
  /** At most `MOST_INEXACT`. */
  readonly list: readonly InexactValue[];
  /** There are more than are listed, and nobody knows where. */
  readonly more: boolean;
}

/** How many of a message's inexact values are listed. No honest call has nearly as many. */
export const MOST_INEXACT = 32;

export const ALL_EXACT: InexactValues = { list: [], more: false };

/** Why a double cannot keep this number exactly; it is known that none can. `token`: as the JSON text has it. */
export function inexactNumber(token: string): InexactNumber {
  const value = Number(token);
  if (!Number.isFinite(value)) return 'too_large';
  return value === 0 ? 'too_small' : 'number';
}

/** Whether the message can be shown, compared and fingerprinted as it is. */
export function isExactThroughout(values: InexactValues): boolean {
  return values.list.length === 0;
}
