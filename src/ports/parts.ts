import type { Take } from '../domain/policy/limit.ts';

/** A part of a window's quota that a process asks for. `id`: a name that nobody has used before. */
export interface AskedPart {
  readonly id: string;
  readonly take: Take;
  /** Calls: at most so many. */
  readonly ask: number;
}

/** What it got. */
export interface GrantedPart {
  readonly id: string;
  /** Calls; 0: nothing, because little room is left or parts were called back a moment ago. */
  readonly size: number;
  readonly windowStart: Date;
  /** Milliseconds until its window ends, by the database's clock when it answered. */
  readonly leftMs: number;
}

/** `alive`: its lease had not run out when it was looked at, and was renewed if that was asked. `recalled`: somebody needs it. */
export interface SeenPart {
  readonly id: string;
  readonly alive: boolean;
  readonly recalled: boolean;
}

/**
 * Parts of windows' quotas that processes take in advance and spend by themselves. What is in a part counts as used from
 * the moment it is taken (P5), and only its holder can give it back: what a dead holder had is lost.
 */
export interface PartStore {
  /** Takes parts, each with a lease. At most 100 at once. */
  takeParts(holder: string, leaseMs: number, parts: readonly AskedPart[]): Promise<readonly GrantedPart[]>;
  /** What has become of these parts; those that are gone are missing. `renewMs`: their new lease; null: none. */
  lookAtParts(holder: string, ids: readonly string[], renewMs: number | null): Promise<readonly SeenPart[]>;
  /** Ends parts and gives back what is left of them, to their own windows. Each once, however often it is asked. */
  giveBackParts(holder: string, parts: readonly { readonly id: string; readonly left: number }[]): Promise<void>;
  /** Asks all holders to give back what they hold of this counter's current window. Returns how many parts others hold. */
  callBackParts(holder: string, take: Take): Promise<number>;
  /** How many parts of this counter's current window others hold whose lease has not run out. */
  partsOut(holder: string, take: Take): Promise<number>;
}
