import type { Allowance, StandingDenial } from '../domain/allowance/allowance.ts';
import type { AskedQuestion, GivenAnswer } from '../domain/approval/answer.ts';
import type { Approval, Awaits, Decision, State } from '../domain/approval/approval.ts';
import type { VoteKey } from '../domain/approval/vote-signature.ts';
import type { FrozenPlace } from '../domain/freeze/freeze.ts';
import type { NewEvent } from '../domain/log/event.ts';
import type { FullLimit, Take, Taken } from '../domain/policy/limit.ts';
import type { CardRecord } from './card-store.ts';
import type { NewJoiner } from './opening.ts';

/** One change of an approval. It is committed with its events if the revision is still this one, else not at all. */
export interface Change {
  readonly id: string;
  readonly revision: number;
  readonly from: State;
  /** Equal to `from` where only a vote is recorded. */
  readonly to: State;
  readonly patch?: {
    readonly pickupUntil?: Date | null;
    readonly leaseUntil?: Date | null;
    readonly dispatcher?: string | null;
    readonly awaits?: Awaits | null;
    readonly remindedAt?: Date;
    readonly escalatedAt?: Date;
    readonly note?: string | null;
    /** The kept result, sealed; null removes it. */
    readonly result?: Uint8Array | null;
    readonly resultUntil?: Date | null;
    /**
     * How many questions the server has asked; with every change of what a dispatched call awaits. So is `pickupUntil`, and
     * when a pass is spent: both are part of that state.
     */
    readonly questions?: number;
  };
  readonly decision?: Decision;
  /**
   * A person is told that this holds: an end that no witness takes is committed, and then rejects with
   * `Unavailable('witness')`.
   */
  readonly promised?: boolean;
  /** `Approval.seal` of the approval that this was judged on: its row must still have these seals. */
  readonly believed?: string;
  /** The decision takes the place of what the same person said before, which was this. */
  readonly instead?: Decision['choice'];
  /** Taken from counters in the same transaction; all of them must have room. */
  readonly takes?: readonly Take[];
  /** Given back to its counters, because nothing was sent. */
  readonly gives?: readonly Taken[];
  /** The caller for whom this is done: it must not have left. */
  readonly joiner?: string;
  /** The token of the grant for which this is done: it must not have been revoked. SHA-256, hex. */
  readonly token?: string;
  /** The passkeys on which signed votes rest: each must still be registered, in the same transaction. */
  readonly signers?: readonly VoteKey[];
  /** Nothing may be frozen that stops this: checked in the same transaction, against every freeze that was set before. */
  readonly unlessFrozen?: FrozenPlace;
  /** The card that one of the events names: it must still be this one, and show the same. */
  readonly card?: CardRecord;
  /** The dispatch that this ends, as `patch.dispatcher` named it: if another has begun, nothing is changed. */
  readonly dispatcher?: string;
  /** What the agent answered to what the server asked, to be kept with the call. */
  readonly given?: GivenAnswer;
  /** Its votes, which were given elsewhere: those of the allowance that it is approved and spent under. */
  readonly votes?: readonly Decision[];
  /** Nothing is changed unless this allowance lives, and, where it is used once more, has a use left: exactly, in this transaction. */
  readonly under?: UnderAllowance;
  /** Given with the decision. */
  readonly allows?: { readonly allowance: Allowance; readonly event: NewEvent };
  readonly denies?: { readonly denial: StandingDenial; readonly event: NewEvent };
  /** Ends, in the same transaction, what lives of the allowances that this approval gave, and the one that it is a use of. */
  readonly revokes?: RevokedWith;
  /** A leg is spent: with it, in the same transaction, the call that it answers for goes on. */
  readonly continues?: Continuing;
  readonly events: readonly NewEvent[];
}

export interface UnderAllowance {
  readonly id: string;
  /** False: the pass came back, and its use was counted before. */
  readonly counts: boolean;
  readonly now: Date;
  /** What is logged of the use. `after`: the allowance with it. */
  events(after: Allowance): readonly NewEvent[];
}

/** Whose word ends an allowance together with a yes. */
export interface RevokedWith {
  /** The allowance that the approval is a use of; null: of none. */
  readonly allowance: string | null;
  readonly at: Date;
  readonly by: string;
  event(it: Allowance): NewEvent;
}

/** The call whose server asked, as it goes on with an answer. It must still wait for an answer to this question. */
export interface Continuing {
  readonly parent: string;
  readonly asked: Pick<AskedQuestion, 'kind' | 'n'>;
  readonly now: Date;
  readonly given: GivenAnswer;
  readonly events: readonly NewEvent[];
  /** Where the call itself is sent again (`asked.kind` is `result`): its new dispatch, and who takes its seat. */
  readonly dispatch: { readonly by: string; readonly until: Date; readonly joiner: NewJoiner | null } | null;
}

/** The call that a leg continued. `stood`: until when its question would have stood; null: it is not sent again. */
export interface ContinuedParent {
  readonly approval: Approval;
  /** How many questions its server has asked, as it was judged: the number of the sending. */
  readonly round: number;
  /** The seat that the caller has there now; null: it needs none. */
  readonly joiner: string | null;
  readonly stood: Date | null;
}

export type Committed =
  | {
      readonly kind: 'committed';
      readonly approval: Approval;
      readonly taken: readonly Taken[];
      readonly parent?: ContinuedParent;
    }
  /** The server no longer waits for what this leg answers; nothing was changed. */
  | { readonly kind: 'unasked' }
  /** A freeze stops it; nothing was changed. The approval may have changed besides. */
  | { readonly kind: 'frozen' }
  /** The caller for whom it was to be done has left; nothing was changed. */
  | { readonly kind: 'left' }
  /** The log, or a witness, says that the pass was spent before, whatever the row says; nothing was changed, or it counts for nothing. */
  | { readonly kind: 'spent' }
  /** The row came back otherwise than it was written, so somebody else writes while we do: nothing may be sent. */
  | { readonly kind: 'altered' }
  /**
   * What was approved could not be recorded outside the database, so nothing may be sent: the pass was given back, or,
   * where it was sent before, its outcome is unknown. `approval`: as it is now.
   */
  | { readonly kind: 'held_back'; readonly approval: Approval; readonly why: string }
  /** Somebody else was first: read again. */
  | { readonly kind: 'conflict' }
  /** The allowance has ended, or is used up, or cannot be believed; nothing was changed. */
  | { readonly kind: 'outside' }
  /** As many allowances, or standing denials, live as may; nothing was changed. */
  | { readonly kind: 'crowded' }
  /** A limit has no room; nothing was changed. */
  | { readonly kind: 'full'; readonly full: FullLimit };

/** What became of changes that are made all or none. */
export type CommittedTogether =
  /** In the order of the changes. */
  | { readonly kind: 'committed'; readonly approvals: readonly Approval[] }
  /** Nothing was changed, because of this one; the others may stand in the way too. */
  | { readonly kind: 'none'; readonly id: string; readonly why: 'altered' | 'conflict' | 'spent' };
