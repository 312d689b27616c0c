/** A value of a message that two readers could take for different ones. */
export interface InexactValue {
  /** A number that a double cannot keep exactly, or text with half of a surrogate pair, in a string or in a name. */
  readonly kind: 'number' | 'text';
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

/** Whether the message can be shown, compared and fingerprinted as it is. */
export function isExactThroughout(values: InexactValues): boolean {
  return values.list.length === 0;
}
