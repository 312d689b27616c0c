import type { Approval } from '../domain/approval/approval.ts';
import type { Risk } from '../domain/tool/risk.ts';

/** Who looks at what is pending: by this it is told what waits for them. */
export interface Beholder {
  /** Every id under which this person decides; `admin` is the admin token's. */
  readonly ways: readonly string[];
  /** The person's name in the config's `people`; null: it names none. */
  readonly person: string | null;
  readonly userGroups: readonly string[];
  /** Whether a vote by the admin token counts as theirs. */
  readonly admin: boolean;
}

/** Which pending approvals. An absent member excludes none. */
export interface PendingFilter {
  readonly server?: string | undefined;
  /** A part of the tool's name, in any case. */
  readonly tool?: string | undefined;
  readonly grant?: string | undefined;
  /** `unstated`: those whose rule states none. */
  readonly risk?: Risk | 'unstated' | undefined;
  /** A part of anything that is shown of the call, in any case, or its id, or the beginning of its fingerprint. */
  readonly text?: string | undefined;
  /** Not these approvals, by their ids: what the beholder put aside. */
  readonly without?: readonly string[] | undefined;
  /** Only what waits for the beholder. */
  readonly mine?: boolean | undefined;
}

/** A page of what is pending: what waits for the beholder first, then what expires first. */
export interface PendingPage {
  readonly items: readonly Approval[];
  /** Pass it on to get the next page; null on the last one. */
  readonly next: string | null;
  /** Approvals that are pending at all. */
  readonly total: number;
  /** Those of them that the filter admits. */
  readonly matching: number;
  /** Those of the latter that wait for the beholder. */
  readonly mine: number;
  /** Those that the filter admits and that earlier pages hold. */
  readonly before: number;
}

/** How much is in these states, and since when. */
export interface PendingCounts {
  readonly pending: number;
  /** When the oldest pending one was opened; null: none is pending. */
  readonly oldest: Date | null;
  readonly unknown: number;
}
