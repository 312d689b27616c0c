import type { Approval } from '../domain/approval/approval.ts';
import type { CardRecord } from './store.ts';

export type Delivery =
  | {
      readonly kind: 'shown';
      readonly channel: string;
      readonly ts: string;
      /** Ends with the SHA-256 of `content`. */
      readonly digest: string;
      /** The card's blocks as they were posted, redacted, as JSON. Absent: what was sent is no card. */
      readonly content?: string;
      /** The card shows the whole call, uncut, so that it can be decided there (P10). */
      readonly whole?: boolean;
    }
  /** Slack refused for now, or did not answer. `ambiguous`: the message may exist. */
  | { readonly kind: 'later'; readonly afterMs: number; readonly why: string; readonly ambiguous: boolean }
  /** Slack will never accept it: deleted message, missing channel, shared channel. */
  | { readonly kind: 'never'; readonly why: string };

/** Why approvers cannot be reached in Slack at the moment, in words for the operator. */
export interface CardsTrouble {
  /** `refused`: until the operator does something. `silent`: until Slack answers. */
  readonly kind: 'refused' | 'silent';
  readonly what: string;
  readonly remedy: string;
}

/** The approvers' door as the gateway sees it. It renders what the store says and never decides. */
export interface Cards {
  /** Posts the card, or updates the one at `at`, with a reply in its thread for each change of state. */
  show(approval: Approval, at: CardRecord | null): Promise<Delivery>;
  /** Posts one line instead of more cards: this grant's further calls are refused until some are decided. */
  crowded(call: Pick<Approval, 'grant' | 'server' | 'tool'>, pending: number): Promise<Delivery>;
  /**
   * Whether each of the people who approved still may, as known a minute ago at most. Asked when the pass is spent.
   * Throws `Unavailable('slack')` when it cannot be known.
   */
  stillEligible(approval: Approval): Promise<{ readonly eligible: boolean; readonly why: string | null }>;
  /**
   * What keeps cards or clicks from working, as far as is known; null: nothing. Does not wait. Absent: it cannot tell.
   */
  trouble?(): CardsTrouble | null;
}
