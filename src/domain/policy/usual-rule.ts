import type { Path } from './path.ts';

/** Which arguments say where a call goes, and how much it is about; null: those that are recognised by their names. */
export interface UsualRule {
  readonly destinations: readonly Path[] | null;
  readonly amounts: readonly Path[] | null;
}

/** Paths of each that a policy may name. */
export const MOST_USUAL = 4;
