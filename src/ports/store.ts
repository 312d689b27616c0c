import type { AskedQuestion, GivenAnswer } from '../domain/approval/answer.ts';
import type { Approval, Awaits, Decision, State } from '../domain/approval/approval.ts';
import type { OpeningRate } from '../domain/approval/openings.ts';
import type { FrozenPlace } from '../domain/freeze/freeze.ts';
import type { LoggedEvent, NewEvent } from '../domain/log/event.ts';
import type { FullLimit, Take, Taken } from '../domain/policy/limit.ts';
import type { GrantRoom, NoOpening } from './room.ts';
import type { Acceptance, AcceptedStore, AcceptPlan, ApprovalStanding, SetReadings } from './witness.ts';

/**
 * How a caller stopped waiting. `left`: it wants the call no longer. `gave_up`: only its client's time was over, so the
 * question stands for a while. `sent`: its call had been sent, so that it finds the outcome by the identical call.
 */
export type Parting = 'left' | 'gave_up' | 'sent';

/**
 * The event of a caller that stopped waiting. `approval`: the id of the approval; `hides`: whether values of its call
 * are hidden, which a text of the agent might repeat.
 */
export type LeftEvent = (approval: string, hides: boolean, parting: Parting) => NewEvent;

/** What a cancellation met. */
export type Cancelled =
  | { readonly kind: 'none' }
  /** Several calls of this session have this id: none of them was touched. */
  | { readonly kind: 'unclear'; readonly approvals: readonly string[] }
  /** The approval as it is then, with the number of remaining callers. */
  | { readonly kind: Parting; readonly approval: Approval };

/** An approval to be opened: everything but what the store itself sets. */
export interface NewApproval {
  readonly approval: Omit<
    Approval,
    | 'state'
    | 'revision'
    | 'decisions'
    | 'callers'
    | 'gaveUp'
    | 'updatedAt'
    | 'previousUnknown'
    | 'laterReasons'
    | 'remindedAt'
    | 'escalatedAt'
    | 'awaits'
    | 'questions'
    | 'answers'
    | 'broken'
    | 'seal'
  >;
  /** The request's bytes, sealed. */
  readonly request: Uint8Array;
  /** Fingerprints of the same call by older secrets, so that identical calls still meet after a rotation. */
  readonly olderFingerprints: readonly string[];
  /**
   * Where the call answers a server's question: the fingerprints of the same call whatever it answers. If that one runs
   * already, the caller joins it instead of asking for it once more; it never joins one that could still be sent.
   */
  readonly rounds?: readonly string[];
  /**
   * The call is a leg: it answers what the server of `answersTo` asked, which must still wait for an answer. That call
   * then waits until `until` at least.
   */
  readonly leg?: { readonly until: Date; readonly now: Date };
}

/** A caller that waits for an approval, or has still to collect its answer. */
export interface NewJoiner {
  readonly id: string;
  readonly session: string | null;
  /** The JSON-RPC id, as JSON text. */
  readonly requestId: string;
  /** The replica that holds its socket. */
  readonly replica: string;
  /**
   * It has waited long enough for another caller's answer to arrive or to be lost: `settling` is not returned any more.
   */
  readonly impatient?: boolean;
}

export type Opened =
  /** A new approval, pending. `nth`: how many the grant has opened in the last minute, with this one. */
  | { readonly kind: 'opened'; readonly approval: Approval; readonly joiner: string; readonly nth: number }
  /** An identical call was already parked, approved or under way. */
  | { readonly kind: 'joined'; readonly approval: Approval; readonly joiner: string }
  /** It ended while this caller was away; the caller gets what it is still owed. */
  | { readonly kind: 'owed'; readonly approval: Approval; readonly joiner: string }
  /** An identical call has just ended, and it is not known yet whether its caller got the answer: try again soon. */
  | { readonly kind: 'settling' }
  /** The server no longer waits for what this leg answers. */
  | { readonly kind: 'unasked' }
  /** Nothing was opened or joined, and nothing counts. */
  | NoOpening;

/** How seals begin in a database that has none. */
export interface SealsBeginning {
  /** The id that the log gets. */
  readonly log: string;
  readonly at: Date;
  /** This process. */
  readonly replica: string;
  /** The logs that witnesses know at this database's place; asked where the store does not say since when it is sealed. */
  readonly known: () => Promise<readonly string[]>;
  /** Tells that a question from before has ended, or a call that was under way then. */
  readonly ended: (
    approval: Pick<Approval, 'grant' | 'id' | 'server' | 'tool'>,
    to: 'lapsed' | 'withdrawn' | 'unknown',
  ) => NewEvent;
  /** Tells that seals began. `head`: the last place in the chain from before. */
  readonly began: (head: number) => NewEvent;
  /**
   * Where the secret that sealed this record is lost, and an operator has said so: tells that the key was changed without
   * the word of the key before. null: nobody has said so.
   */
  readonly lost: ((log: string, head: number, from: string | null, retired: readonly string[]) => NewEvent) | null;
}

/** An event that is not chained because no gateway wrote it as it is. */
export interface ForeignEvent {
  /** Its cursor. */
  readonly n: number;
  /** What does not fit: its text, the columns that searches use, or its seal, which another event has too. */
  readonly field: 'body' | 'columns' | 'seal';
}

/** Since when rows are sealed. */
export interface Epoch {
  /** The log's id. */
  readonly log: string;
  /** The last place in the chain whose events may be without a seal. */
  readonly head: number;
}

export type SealsBegun =
  | { readonly kind: 'known'; readonly epoch: Epoch }
  /** `asked`: how many questions from before have ended. */
  | { readonly kind: 'begun'; readonly epoch: Epoch; readonly asked: number }
  /** Another replica has shown life lately. */
  | { readonly kind: 'busy' }
  /** A secret that is not listed sealed the row, or somebody says so. */
  | { readonly kind: 'unlisted' }
  /** The row is not one that a gateway wrote, names another log than the chain does, or it is missing although the log says that there was one. */
  | { readonly kind: 'forged' };

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
    /** One more question of the server's. */
    readonly questions?: number;
  };
  readonly decision?: Decision;
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
  /** Nothing may be frozen that stops this: checked in the same transaction, against every freeze that was set before. */
  readonly unlessFrozen?: FrozenPlace;
  /** The card that one of the events names: it must still be this one, and show the same. */
  readonly card?: CardRecord;
  /** The dispatch that this ends, as `patch.dispatcher` named it: if another has begun, nothing is changed. */
  readonly dispatcher?: string;
  /** What the agent answered to what the server asked, to be kept with the call. */
  readonly given?: GivenAnswer;
  /** A leg is spent: with it, in the same transaction, the call that it answers for goes on. */
  readonly continues?: Continuing;
  readonly events: readonly NewEvent[];
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
  /** The log says that the pass was spent before, whatever the row says; nothing was changed. */
  | { readonly kind: 'spent' }
  /**
   * What was approved could not be recorded outside the database, so nothing may be sent: the pass was given back, or,
   * where it was sent before, its outcome is unknown. `approval`: as it is now.
   */
  | { readonly kind: 'held_back'; readonly approval: Approval; readonly why: string }
  /** Somebody else was first: read again. */
  | { readonly kind: 'conflict' }
  /** A limit has no room; nothing was changed. */
  | { readonly kind: 'full'; readonly full: FullLimit };

export type Admission =
  | { readonly kind: 'admitted'; readonly taken: readonly Taken[] }
  | { readonly kind: 'full'; readonly full: FullLimit }
  /** A freeze stops it; nothing was taken. */
  | { readonly kind: 'frozen' };

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
  /** The freeze that the card tells of; null or absent: none. */
  readonly freeze?: string | null;
  /** Its row is missing, or cannot be believed: this is what the log says of it, and it is to be saved anew. */
  readonly restored?: true;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it on to get the next page; null on the last one. */
  readonly next: string | null;
}

/** SQL, the authority. Every method is one transaction, and throws `Unavailable('store')` when SQL cannot answer. */
export interface Store {
  ping(): Promise<void>;
  close(): Promise<void>;

  /** Writes events durably. */
  append(events: readonly NewEvent[]): Promise<void>;
  /** Takes from all counters, and writes the event with them, or from none. */
  admit(takes: readonly Take[], event: NewEvent): Promise<Admission>;
  /** The first of these counters that has no room now; null: all have. Takes nothing. */
  peek(takes: readonly Take[]): Promise<FullLimit | null>;
  /** Gives back what `admit` took, to the same windows only, and writes the event. */
  refund(taken: readonly Taken[], event: NewEvent): Promise<void>;

  /**
   * Opens an approval, joins a live one of the same fingerprint, or hands over what a finished one still owes, in one
   * transaction. `room`: what the grant may open and keep.
   */
  open(request: NewApproval, joiner: NewJoiner, room: GrantRoom, event: NewEvent): Promise<Opened>;
  find(id: string): Promise<Approval | null>;
  /** The same, with its card as it is at that moment. */
  look(id: string): Promise<{ readonly approval: Approval; readonly card: CardRecord | null } | null>;
  /** Newest first. */
  list(filter: { states?: readonly State[]; after?: string; limit: number }): Promise<Page<Approval>>;
  commit(change: Change): Promise<Committed>;
  /**
   * Two changes of which the second follows the first, as if they were committed one after the other with nobody in
   * between: both or neither. `left`, `full` and `frozen` concern the second. Only the first may have a decision, only the second
   * counters and a caller.
   */
  commitBoth(first: Change, second: Change): Promise<Committed>;
  /** Of these approvals, given with their revisions, those whose revision is another now. */
  changed(held: ReadonlyMap<string, number>): Promise<readonly Approval[]>;
  /** The request's sealed bytes. */
  request(id: string): Promise<Uint8Array | null>;
  /** The kept result's sealed bytes; null when none is kept. */
  result(id: string): Promise<Uint8Array | null>;

  /**
   * The caller has its answer and is owed nothing more. Once the last caller has, the kept result is deleted; with
   * `until` not before then, because it may still be replayed.
   */
  collected(joiner: string, event: NewEvent, until?: Date): Promise<void>;
  /**
   * The caller's socket at this replica is gone, or it is held no longer; it may come back and collect. A caller that
   * has meanwhile come back elsewhere stays there.
   */
  away(joiner: string, replica: string): Promise<void>;
  /** All callers that this replica holds are away. Used when it stops. */
  allAway(replica: string): Promise<void>;
  /**
   * The caller wants its call no longer. Returns the approval as it is then, with the number of remaining callers.
   * `replica`: only if that one still holds it.
   */
  leave(by: { joiner: string; replica?: string }, event: LeftEvent): Promise<Approval | null>;
  /**
   * The client cancelled its request. `gaveUp`: only because its time was over.
   *
   * | the approval | called off | gave up |
   * |---|---|---|
   * | pending, approved | left | gave_up: the seat is kept, spends nothing, and is taken by the identical call |
   * | dispatched, or over after that, and not collected | sent: the seat is kept | the same |
   * | an answer to a server's question | left | left |
   */
  cancel(
    by: { server: string; session: string; requestId: string },
    gaveUp: boolean,
    event: LeftEvent,
  ): Promise<Cancelled>;
  /**
   * Callers of pending approvals that gave up more than `ms` ago and have not come back leave. Returns the approvals as
   * they are then, `limit` at most.
   */
  leaveForsaken(ms: number, limit: number, event: LeftEvent): Promise<readonly Approval[]>;
  /** Which of these requests of a session have a caller that still waits here or at another replica. */
  waiting(by: { server: string; session: string; requestIds: readonly string[] }): Promise<readonly string[]>;
  /** A session's callers leave with it, except that those whose call was sent keep their seats. Each server makes its own session ids: two servers may have the same one. */
  leaveSession(by: { server: string; session: string }, event: LeftEvent): Promise<readonly Approval[]>;
  /**
   * Extends the leases of dispatches that are still under way here. `held`: approvals by the name of their dispatch.
   */
  renew(held: ReadonlyMap<string, string>, until: Date): Promise<void>;
  /** This replica is alive, and the callers that it holds count as present. */
  beat(replica: string): Promise<void>;

  /** What was left behind by time or by a lost message, for the sweep. */
  overdue(
    now: Date,
    limit: number,
  ): Promise<{
    /** Pending past their time, approved past pickup, dispatched past their lease. */
    readonly late: readonly Approval[];
    /** Pending or approved, although every caller has left: whoever was to withdraw them did not get to it. */
    readonly abandoned: readonly Approval[];
    /** Pending or approved, although their grant was revoked after they were opened. */
    readonly revoked: readonly Approval[];
    /** Every pending one, to be compared with the queue. */
    readonly parked: readonly { id: string; expiresAt: Date }[];
    /** Legs that are pending or approved, although the server no longer waits for what they answer. */
    readonly moot: readonly Approval[];
    /** Legs that are pending or approved, and whose answers were held by processes that have died. */
    readonly orphaned: readonly Approval[];
    /** Approvals whose card shows an older revision, or tells of no freeze or another one; grants take turns. */
    readonly stale: readonly string[];
  }>;
  /** Pending approvals whose approvers are due a reminder, or whose further approvers are due to be asked. */
  unreminded(now: Date, limit: number): Promise<readonly Approval[]>;
  /** Whether the caller may send this notice now: true for one caller of all replicas in `ms`. */
  claimNotice(notice: string, ms: number): Promise<boolean>;
  /** It was not sent after all: the next caller may send it. */
  releaseNotice(notice: string): Promise<void>;
  /** Deletes results past their time, and what counts for limits and is over by `over`, the clock that is behind. */
  forget(now: Date, over: Date): Promise<number>;

  card(approval: string): Promise<CardRecord | null>;
  /**
   * Takes the card for one run, for `ms` unless it is renewed; false while another run has it, unless that run's replica is silent. A
   * queue that was flushed hands out the same work twice, and two runs at once would post two cards, or let the older
   * text win. `card` is null for the very first run: nothing can have been posted.
   */
  claimCard(
    approval: string,
    run: { id: string; replica: string; ms: number },
  ): Promise<{ readonly card: CardRecord | null } | false>;
  /** The run has its card for `ms` from now on, if it still has it. */
  renewCard(approval: string, run: string, ms: number): Promise<void>;
  /**
   * Changes nothing where the run does not have the card. `unposted`: this run was the first and certainly posted
   * nothing, so that the next one is the first again.
   */
  releaseCard(approval: string, run: string, unposted?: boolean): Promise<void>;
  /** How many of the approvals that the grant opened in the last minute its agent has taken back. */
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
   * SHA-256, in the same transaction as the event that names it, for as long as its approval.
   */
  saveCard(card: CardRecord, event: NewEvent | null, content?: string): Promise<void>;

  /** Binds an MCP session to the grant that opened it. `id`: a keyed digest of the session id. */
  bindSession(id: string, server: string, grant: string): Promise<void>;
  /**
   * Counts that the grant is about to open a session; `id` names it. Returns null, or the full limit: then nothing
   * counts.
   */
  countSession(id: string, grant: string, rate: OpeningRate): Promise<FullLimit | null>;
  /** It opened no session after all. */
  uncountSession(id: string): Promise<void>;
  sessionGrant(id: string, server: string): Promise<string | null>;
  unbindSession(id: string, server: string): Promise<void>;

  /**
   * Events after `after` (exclusive), in order of writing. Heavy ones come in smaller pages: only an empty page is the
   * end.
   */
  events(filter: { after: number; limit: number; approval?: string }): Promise<readonly LoggedEvent[]>;
  /**
   * Ids of live approvals whose state no gateway gave them, whatever their revision says; at most `limit`. Reads no
   * arguments, so that all of them can be looked at often.
   */
  doubtful(limit: number): Promise<readonly string[]>;
  /**
   * When seals began in this database: read, or begun now, in one transaction. `others`: replicas that may run beside
   * this one; while another has shown life within the last 15 s, `busy`, because what a release without seals writes is
   * believed by nobody. Questions that were open then have ended: their calls are asked anew when they come again.
   */
  beginSeals(begin: SealsBeginning): Promise<SealsBegun>;
  /**
   * Chains events that are not chained yet, one replica at a time, and only those that a gateway sealed. `chained`: how
   * many. `foreign`: events that no gateway wrote as they are; `retired`: cursors of those of a secret that is listed no
   * longer; each told once by this process.
   */
  seal(limit: number): Promise<{
    readonly chained: number;
    readonly foreign: readonly ForeignEvent[];
    readonly retired: readonly number[];
  }>;
  /** How these approvals stand; those that are not there are missing. */
  standings(ids: readonly string[]): Promise<readonly ApprovalStanding[]>;
  /** Reads the sets of rows that matter by being there, and tells of each. Begins those that have not begun. */
  judgeSets(readings: SetReadings): Promise<void>;
  /** The last time that an operator accepted the store of this log; null: never. */
  lastAcceptance(log: string): Promise<Acceptance | null>;
  /** Goes on with the store as it is, in one transaction. */
  accept(plan: AcceptPlan): Promise<AcceptedStore>;
}
