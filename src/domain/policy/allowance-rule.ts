import type { Json } from '../json/json.ts';
import type { Condition } from './condition.ts';
import type { Path } from './path.ts';

/** A condition with its wording: the policy's values, or a person's, never a call's. */
export interface WordedBound {
  readonly says: string;
  readonly condition: Condition;
}

/** What a policy lets people allow in advance (`approval.allowance`). */
export interface AllowanceRule {
  readonly maxMinutes: number;
  readonly maxCalls: number;
  /** Members of `args`; each leads to one value. */
  readonly mayVary: readonly Path[];
  /** Each must hold of a call that lies within. */
  readonly within: readonly WordedBound[];
}

/** Bounds of `approval.allowance`. */
export const MOST_ALLOWED_MINUTES = 1_440;
export const MOST_ALLOWED_CALLS = 1_000;
export const MOST_VARIED = 20;
export const MOST_WITHIN = 20;

/** What of it was offered for one call, frozen with its approval. */
export interface OfferedAllowance {
  readonly minutes: number;
  readonly calls: number;
  readonly mayVary: readonly string[];
  /** In words. */
  readonly within: readonly string[];
  /** The fingerprint of what calls have to have in common with this one. */
  readonly like: string;
  /** Digest of how the tool looked in the server's list; null: this process had not seen it listed. */
  readonly look: string | null;
}

/** What a person allows beyond the call itself: never more than policy offers, and with conditions of their own. */
export interface AllowedBounds {
  readonly minutes: number;
  readonly calls: number;
  /** The person's own conditions, as they were given. */
  readonly within: readonly Json[];
  /** The same in words. */
  readonly says: readonly string[];
}
