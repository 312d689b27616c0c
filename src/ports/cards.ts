import type { Approval } from '../domain/approval.ts';
import type { CardRecord } from './store.ts';

export type Delivery =
  | {
      readonly kind: 'shown';
      readonly channel: string;
      readonly ts: string;
      /** Ends with the SHA-256 of `content`. */
      readonly digest: string;
      /** The card's blocks as they were posted, as JSON: already redacted. Absent: what was sent is no card. */
      readonly content?: string;
      /** Everything of the call is on it, uncut, so that it can be decided there (P10). */
      readonly whole?: boolean;
    }
  /** Slack said no for now, or did not answer. `ambiguous`: the message may exist. */
  | { readonly kind: 'later'; readonly afterMs: number; readonly why: string; readonly ambiguous: boolean }
  /** Slack will never take it: deleted message, missing channel, shared channel. */
  | { readonly kind: 'never'; readonly why: string };

/** Why the approvers' door is of no use now, in words for its operator. */
export interface CardsTrouble {
  /** `refused`: until the operator acts. `silent`: until it answers. */
  readonly kind: 'refused' | 'silent';
  readonly what: string;
  readonly remedy: string;
}

/** The approvers' door, seen from inside. It renders what the store says and never decides. */
export interface Cards {
  /** Posts the card, or updates the one at `at`; a thread reply goes with each change of state. */
  show(approval: Approval, at: CardRecord | null): Promise<Delivery>;
  /** One line instead of more cards: this grant's further calls are refused until some are decided. */
  crowded(call: Pick<Approval, 'grant' | 'server' | 'tool'>, pending: number): Promise<Delivery>;
  /**
   * Whether each of these people may still approve, no more than a minute old; used when the pass is spent.
   * Throws `Unavailable('slack')` when it cannot be known.
   */
  stillEligible(approval: Approval): Promise<{ readonly eligible: boolean; readonly why: string | null }>;
  /** What keeps cards or clicks from working, as far as is known; null: nothing. Never waits. Absent: it cannot tell. */
  trouble?(): CardsTrouble | null;
}
