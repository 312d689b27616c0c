import type { Approval, Awaits, Decision, State } from '../domain/approval.ts';
import type { LoggedEvent, NewEvent } from '../domain/event.ts';
import type { Full, Take, Taken } from '../domain/limit.ts';

/** An approval about to be opened: everything but what the store itself decides. */
export interface NewApproval {
  readonly approval: Omit<
    Approval,
    | 'state'
    | 'revision'
    | 'decisions'
    | 'callers'
    | 'updatedAt'
    | 'previousUnknown'
    | 'remindedAt'
    | 'escalatedAt'
    | 'awaits'
  >;
  /** The request's bytes, sealed. */
  readonly request: Uint8Array;
  /** Fingerprints of the same call under older secrets, so that a rotation does not part twins. */
  readonly olderFingerprints: readonly string[];
}

/** A caller that waits, or is still to collect. */
export interface NewJoiner {
  readonly id: string;
  readonly session: string | null;
  /** The JSON-RPC id, as JSON text. */
  readonly requestId: string;
  /** The replica whose socket it hangs on. */
  readonly replica: string;
  /** It has waited long enough for another caller's answer to arrive or to be lost: no more `settling`. */
  readonly impatient?: boolean;
}

export type Opened =
  /** A new approval, pending. */
  | { readonly kind: 'opened'; readonly approval: Approval; readonly joiner: string }
  /** An identical call was already parked, approved or under way. */
  | { readonly kind: 'joined'; readonly approval: Approval; readonly joiner: string }
  /** It was over while this caller was away; the caller takes what it is still owed. */
  | { readonly kind: 'owed'; readonly approval: Approval; readonly joiner: string }
  /** An identical call has just ended, and whether its caller got the answer is not known yet: ask again soon. */
  | { readonly kind: 'settling' }
  /** The grant has as many pending approvals as it may. */
  | { readonly kind: 'crowded'; readonly pending: number };

/** One change of an approval: compared by revision, committed together with its events, or not at all. */
export interface Change {
  readonly id: string;
  readonly revision: number;
  readonly from: State;
  /** May equal `from` where only a vote is recorded. */
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
  };
  readonly decision?: Decision;
  /** Counters that must have room, taken in the same transaction. */
  readonly takes?: readonly Take[];
  /** What goes back to its counters, because nothing was sent. */
  readonly gives?: readonly Taken[];
  /** The caller on whose behalf this is done: it must not have left. */
  readonly joiner?: string;
  /** The token of the grant on whose behalf this is done: it must not have been revoked. SHA-256, hex. */
  readonly token?: string;
  /** The card that an event of this names: it must still be this one, and show this. */
  readonly card?: CardRecord;
  /** The dispatch that this ends, as `patch.dispatcher` named it: another one is left alone. */
  readonly dispatcher?: string;
  readonly events: readonly NewEvent[];
}

export type Committed =
  | { readonly kind: 'committed'; readonly approval: Approval; readonly taken: readonly Taken[] }
  /** The caller on whose behalf it was to be done has left; nothing was changed. */
  | { readonly kind: 'left' }
  /** Somebody else was first: read again. */
  | { readonly kind: 'conflict' }
  /** A limit has no room; nothing was changed. */
  | { readonly kind: 'full'; readonly full: Full };

export type Admission =
  | { readonly kind: 'admitted'; readonly taken: readonly Taken[] }
  | { readonly kind: 'full'; readonly full: Full };

/** Where the card of an approval is, and which revision it shows. */
export interface CardRecord {
  readonly approval: string;
  readonly channel: string;
  /** Slack's timestamp of the message; null while a post's answer is still unknown. */
  readonly ts: string | null;
  /** The approval's revision that the card shows. */
  readonly revision: number;
  /** What the card shows, as its adapter tells it: state, votes, and `.` with the SHA-256 of its content at the end. */
  readonly digest: string;
  readonly postedAt: Date | null;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it back to get the next page; null at the end. */
  readonly next: string | null;
}

/** SQL: the authority. Every method is one transaction; all throw `Unavailable('store')` when it cannot answer. */
export interface Store {
  ping(): Promise<void>;
  close(): Promise<void>;

  /** Writes events durably. */
  append(events: readonly NewEvent[]): Promise<void>;
  /** Takes all counters or none, and writes the event with them. */
  admit(takes: readonly Take[], event: NewEvent): Promise<Admission>;
  /** Whether one of these counters has no room now. Takes nothing. */
  peek(takes: readonly Take[]): Promise<Full | null>;
  /** Gives back what `admit` took, in those windows only, with the event. */
  refund(taken: readonly Taken[], event: NewEvent): Promise<void>;

  /**
   * Opens an approval, joins a live identical one, or hands over what a finished one still owes, in one transaction.
   * Identical: same fingerprint. `maxPending` counts the grant's pending approvals.
   */
  open(request: NewApproval, joiner: NewJoiner, maxPending: number, event: NewEvent): Promise<Opened>;
  find(id: string): Promise<Approval | null>;
  /** The same, and its card as it is at that moment. */
  look(id: string): Promise<{ readonly approval: Approval; readonly card: CardRecord | null } | null>;
  /** Newest first. */
  list(filter: { states?: readonly State[]; after?: string; limit: number }): Promise<Page<Approval>>;
  commit(change: Change): Promise<Committed>;
  /**
   * Two changes of which the second follows the first, as if they were committed one after the other with nobody in
   * between: both or neither. `left` and `full` are said of the second. Only the first has a decision, only the second
   * counters and a caller.
   */
  commitBoth(first: Change, second: Change): Promise<Committed>;
  /** Of these approvals, those whose revision is no longer the one given. */
  changed(held: ReadonlyMap<string, number>): Promise<readonly Approval[]>;
  /** The request's sealed bytes. */
  request(id: string): Promise<Uint8Array | null>;
  /** The kept result's sealed bytes; null when none is kept. */
  result(id: string): Promise<Uint8Array | null>;

  /**
   * The caller has its answer: it is owed nothing more. Drops the kept result with the last one; `until`: only then,
   * because it may still be replayed.
   */
  collected(joiner: string, event: NewEvent, until?: Date): Promise<void>;
  /**
   * The caller's socket at this replica is gone, or its hold is over; it may come back and collect. One who has come back
   * elsewhere by now stays there.
   */
  away(joiner: string, replica: string): Promise<void>;
  /** All callers that this replica holds are away; used when it stops. */
  allAway(replica: string): Promise<void>;
  /**
   * The caller cancelled. Returns the approval as it is then, with the number of callers left. `replica`: only if it
   * still sits there.
   */
  leave(
    by: { joiner: string; replica?: string } | { server: string; session: string; requestId: string },
    event: (approval: string) => NewEvent,
  ): Promise<Approval | null>;
  /** A session's callers leave with it. Session ids are a server's own: two servers may hand out the same. */
  leaveSession(
    by: { server: string; session: string },
    event: (approval: string) => NewEvent,
  ): Promise<readonly Approval[]>;
  /** Extends the leases of dispatches that are still under way here: approvals by the name of their dispatch. */
  renew(held: ReadonlyMap<string, string>, until: Date): Promise<void>;
  /** This replica is alive; callers it holds count as present. */
  beat(replica: string): Promise<void>;

  /** What time or a lost message left behind, for the sweep. */
  overdue(
    now: Date,
    limit: number,
  ): Promise<{
    /** Pending past their time, approved past pickup, dispatched past their lease. */
    readonly late: readonly Approval[];
    /** Pending or approved, and every caller has left: whoever was to withdraw them did not come to it. */
    readonly abandoned: readonly Approval[];
    /** Every pending one, for the queue to compare. */
    readonly parked: readonly { id: string; expiresAt: Date }[];
    /** Approvals whose card does not show their revision. */
    readonly stale: readonly string[];
  }>;
  /** Pending approvals whose approvers are due a reminder, or whose further approvers are due to be asked. */
  unreminded(now: Date, limit: number): Promise<readonly Approval[]>;
  /** True for one caller of all replicas in each `ms`: who may say this now. */
  claimNotice(notice: string, ms: number): Promise<boolean>;
  /** It was not said after all: the next one may. */
  releaseNotice(notice: string): Promise<void>;
  /** Deletes results past their time. */
  forget(now: Date): Promise<number>;

  card(approval: string): Promise<CardRecord | null>;
  /**
   * Takes the card for one run of at most `ms`; false while another run has it, unless that one's replica is silent. A
   * queue that was flushed hands out the same work twice: two runs at once would post two cards, or let the older text
   * win. `card` is null for the first run of all: nothing can have been posted.
   */
  claimCard(
    approval: string,
    run: { id: string; replica: string; ms: number },
  ): Promise<{ readonly card: CardRecord | null } | false>;
  releaseCard(approval: string, run: string): Promise<void>;
  /** Of these approvals, those older than `before` whose card nobody can have seen. */
  unposted(ids: readonly string[], before: Date): Promise<readonly string[]>;
  /**
   * Remembers where the card is and which revision it shows. `content`, what it showed, is kept under its SHA-256 in
   * the same transaction as the event that names it, once, and as long as its approval; without one nothing is kept.
   */
  saveCard(card: CardRecord, event: NewEvent | null, content?: string): Promise<void>;

  /** Binds an MCP session to the grant that opened it. `id` is a keyed digest of the session id. */
  bindSession(id: string, server: string, grant: string): Promise<void>;
  sessionGrant(id: string, server: string): Promise<string | null>;
  unbindSession(id: string, server: string): Promise<void>;

  /** Events after `after` (exclusive), in order of writing. Heavy ones come in smaller pages: only none are the end. */
  events(filter: { after: number; limit: number; approval?: string }): Promise<readonly LoggedEvent[]>;
  /** Chains what is not chained yet; at most one replica at a time. Returns how many it chained. */
  seal(limit: number): Promise<number>;
}
