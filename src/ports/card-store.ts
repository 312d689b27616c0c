import type { Approval } from '../domain/approval/approval.ts';
import type { BurstKind, OpenedBefore } from '../domain/approval/burst.ts';
import type { NewEvent } from '../domain/log/event.ts';

/** Where the card of an approval is, and which revision it shows. */
export interface CardRecord {
  readonly approval: string;
  readonly channel: string;
  /** Slack's timestamp of the message; null while a post's answer is still unknown. */
  readonly ts: string | null;
  /** The approval's revision that the card shows. */
  readonly revision: number;
  /** What the card shows, as its adapter writes it: state, votes, and at the end `.` and the SHA-256 of its content. */
  readonly digest: string;
  readonly postedAt: Date | null;
  /** What the card tells besides: the freeze, and how what was allowed with it stands (`toldBeside`); null or absent: nothing. */
  readonly freeze?: string | null;
  /** Its row is missing, or cannot be believed: this is what the log says of it, and it is to be saved anew. */
  readonly restored?: true;
}

/** Where the card of an approval is, and what it shows. */
export interface CardStore {
  card(approval: string): Promise<CardRecord | null>;
  /**
   * Takes the card for one run, for `ms` unless it is renewed; false while another run has it, unless that run's replica is silent. A
   * queue that was flushed hands out the same work twice, and two runs at once would post two cards, or let the older
   * text win. `card` is null for the very first run: nothing can have been posted. `revision`: the approval's, once it is taken; null: it
   * is gone. Taken again by the same run it is that run's.
   */
  claimCard(
    approval: string,
    run: { id: string; replica: string; ms: number },
  ): Promise<{ readonly card: CardRecord | null; readonly revision: number | null } | false>;
  /** The run has its card for `ms` from now on, if it still has it. */
  renewCard(approval: string, run: string, ms: number): Promise<void>;
  /**
   * Changes nothing where the run does not have the card. `unposted`: this run was the first and certainly posted
   * nothing, so that the next one is the first again.
   */
  releaseCard(approval: string, run: string, unposted?: boolean): Promise<void>;
  /**
   * How many approvals were opened in the `ms` before this one, by the same grant and to the same tool, `most` of each at most: 500 are
   * looked through.
   */
  openedBefore(
    approval: Pick<Approval, 'createdAt' | 'grant' | 'id' | 'server' | 'tool'>,
    ms: number,
    most: number,
  ): Promise<OpenedBefore>;
  /**
   * The ids of approvals whose card's row names the digest that this one leads, oldest first; of those opened within `ms` of it, and
   * `most` of them at most (1,000). What the rows say is not judged.
   */
  namedInDigest(leader: Pick<Approval, 'createdAt' | 'id'>, ms: number, most?: number): Promise<readonly string[]>;
  /**
   * The ids of approvals opened in the `ms` before this one whose card's row says that they lead a digest of this kind, by the same
   * grant or to the same tool, newest first: 20 of the last 100 leaders. As little judged.
   */
  digestLeaders(
    approval: Pick<Approval, 'createdAt' | 'grant' | 'id' | 'server' | 'tool'>,
    kind: BurstKind,
    ms: number,
  ): Promise<readonly string[]>;
  /** How many of the approvals that the grant opened in the last minute its agent has taken back; 200 at most. */
  takenBack(grant: string): Promise<number>;
  /**
   * Of these approvals, those whose card nobody can see: not posted, and created by `before` or refused by their channel;
   * with why that takes nothing (null: it does, as far as is known).
   */
  unposted(ids: readonly string[], before: Date): Promise<ReadonlyMap<string, string | null>>;
  /** The card's channel takes nothing, until a card is saved. True where that is news; then the event tells it. */
  refuseCard(approval: string, why: string, event: NewEvent): Promise<boolean>;
  /**
   * Pending approvals whose posted cards are to be looked at now: 30 s after they were posted or updated, then whenever
   * they are twice as old, every 10 minutes at the latest. Each is returned once, to one caller.
   */
  cardsToLookAt(limit: number): Promise<readonly string[]>;
  /**
   * Remembers where the card is and which revision it shows. `content` is what it showed: it is kept once, under its
   * SHA-256, in the same statement as the event that names it, for as long as its approval. `run`: lets go of the card for
   * that run. Returns the approval's revision as it is then; null: it is gone.
   */
  saveCard(card: CardRecord, event: NewEvent | null, content?: string, run?: string): Promise<number | null>;
}
