import type { Allowance } from '../domain/allowance/allowance.ts';
import type { Approval } from '../domain/approval/approval.ts';
import type { BurstKind } from '../domain/approval/burst.ts';
import type { Freeze } from '../domain/freeze/freeze.ts';
import type { CardRecord } from './card-store.ts';

/** Why a grant's calls are not shown one by one. */
export type Crowd =
  /** It has as many calls waiting as it may have; further ones are refused. */
  | { readonly kind: 'pending'; readonly pending: number }
  /** It has opened as many as it may in this window (`minute`); further ones are refused. */
  | { readonly kind: 'openings'; readonly max: string; readonly window: string }
  /** It took so many back within a minute; its next cards come later. */
  | { readonly kind: 'taken_back'; readonly count: number };

/** What the approvers' channel is told beside cards. */
export interface ChannelLine {
  readonly kind: 'break_glass';
  /** Through which door, and from which address; null: nobody knows. */
  readonly door: 'api' | 'console';
  readonly from: string | null;
  readonly at: Date;
}

export type Delivery =
  | {
      readonly kind: 'shown';
      readonly channel: string;
      readonly ts: string;
      /** Ends with the SHA-256 of `content`. */
      readonly digest: string;
      /** The card's blocks as they were posted, redacted, as JSON. Absent: what was sent is no card. */
      readonly content?: string;
      /** Where the card is a digest: what each of its calls' records says of it, by the approval's id. */
      readonly digests?: ReadonlyMap<string, string>;
      /** The card shows the whole call, uncut, so that it can be decided there (P10). */
      readonly whole?: boolean;
    }
  /** Slack refused for now, or did not answer. `ambiguous`: the message may exist. */
  | { readonly kind: 'later'; readonly afterMs: number; readonly why: string; readonly ambiguous: boolean }
  /** Its channel takes nothing until somebody mends that: archived, the app is not in it, shared with outsiders. */
  | { readonly kind: 'unwelcome'; readonly why: string }
  /** Slack will never accept it: a deleted message of a call that is over, blocks that it refuses. */
  | { readonly kind: 'never'; readonly why: string };

/** `unneeded`: nothing was sent, because the card was never posted and there is nothing left to decide. */
export type CardDelivery = Delivery | { readonly kind: 'unneeded' };

/** Why approvers cannot be reached in Slack at the moment, in words for the operator. */
export interface CardsTrouble {
  /** `refused`: until the operator does something. `silent`: until Slack answers. */
  readonly kind: 'refused' | 'silent';
  readonly what: string;
  readonly remedy: string;
}

/** What a card tells that is not of its approval. */
export interface BesideCard {
  /** Nothing of it runs before this is lifted; null or absent: nothing stops it. */
  readonly freeze?: Freeze | null;
  /** What was allowed with it; null or absent: nothing. */
  readonly allowance?: Allowance | null;
  /** The card is a digest of these calls, its own first; absent: it is the call's own. */
  readonly together?: ToldTogether;
}

/** Calls that one message tells together. */
export interface ToldTogether {
  readonly kind: BurstKind;
  readonly calls: readonly TogetherOnCard[];
}

/** One of them, as it is and as its record says that it was told last. */
export interface TogetherOnCard {
  readonly approval: Approval;
  readonly card: CardRecord | null;
  readonly freeze: Freeze | null;
}

/** The approvers' door as the gateway sees it. It renders what the store says and never decides. */
export interface Cards {
  /**
   * Posts the card, or updates the one at `at`, with a reply in its thread for each change of state. While the call waits
   * for a decision, a card that is gone is posted anew, and one that its channel does not take goes to the fallback. Where `at` does not
   * say whether it was posted, it is looked for first, and not posted any more once the call has ended unsent without anybody's decision.
   * `beside`: what it tells besides.
   */
  show(approval: Approval, at: CardRecord | null, beside?: BesideCard): Promise<CardDelivery>;
  /** Resolves when a card may be worked on; undefined: it may now. Absent: always. */
  calm?(): Promise<void> | undefined;
  /** Whether Slack says that this message is not there any more. False where it says nothing clear. Absent: it cannot tell. */
  isGone?(at: { readonly channel: string; readonly ts: string }): Promise<boolean>;
  /** Names the place where a new card of this approval goes, so that calls of one place are told together. Absent: it makes no digests. */
  placeKey?(approval: Approval): string;
  /** Posts one line instead of more cards. */
  crowded(call: Pick<Approval, 'grant' | 'server' | 'tool'>, crowd: Crowd): Promise<Delivery>;
  /**
   * Tells one person directly that what they put aside still waits. `at`: where its card is. Resolves to whether they were
   * reached; never rejects. Absent: it cannot.
   */
  remindPerson?(approval: Approval, at: CardRecord | null, user: string): Promise<boolean>;
  /** Posts one line to the approvers' channel. Absent: it cannot. */
  tell?(line: ChannelLine): Promise<Delivery>;
  /**
   * What Slack says of this person, as known a minute ago at most: in which of these user groups they are, or why their
   * word counts no more. Asked when a pass is spent. `each`: it matters of every one of the groups whether they are in it,
   * else one is enough. Throws `Unavailable('slack')` when it cannot be known.
   */
  person(
    user: string,
    userGroups: readonly string[],
    each?: boolean,
  ): Promise<{ readonly userGroups: readonly string[] } | { readonly refused: string }>;
  /**
   * What keeps cards or clicks from working, as far as is known; null: nothing. Does not wait. Absent: it cannot tell.
   */
  trouble?(): CardsTrouble | null;
}
