import type { Approval, ApprovalGlance, State } from '../domain/approval/approval.ts';
import type { AskedBefore } from '../domain/approval/cue.ts';
import type { CallFacts } from '../domain/approval/facts.ts';
import type { EarlierCall } from '../domain/approval/second-look.ts';
import type { EarlierAsked } from '../domain/approval/unusual.ts';
import type { NewEvent } from '../domain/log/event.ts';
import type { CardRecord } from './card-store.ts';
import type { Change, Committed, CommittedTogether } from './change.ts';
import type { GrantRoom, NewApproval, NewJoiner, Opened } from './opening.ts';
import type { Beholder, PendingCounts, PendingFilter, PendingPage } from './pending.ts';

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it on to get the next page; null on the last one. */
  readonly next: string | null;
}

/** A call that was sent, or is to be, as far as others ask about it. */
export interface SentCall extends Pick<Approval, 'answersTo' | 'awaits' | 'id' | 'questions' | 'state'> {
  /** Its answers need a yes. */
  readonly strict: boolean;
  /** All of this fits its seals. */
  readonly believed: boolean;
}

/** Calls of this tool by this principal that came before this one. */
export type ComparedCall = Pick<Approval, 'createdAt' | 'grant' | 'id' | 'server' | 'tool'>;
/** Whose calls: of agents that worked for one of these ids when they called, or of these grants. */
export interface OwnedBy {
  readonly ids: readonly string[];
  readonly grants: readonly string[];
}

/** Which approvals. An absent member excludes none. */
export interface ApprovalFilter {
  readonly states?: readonly State[];
  readonly owned?: OwnedBy;
  /** The `next` of the page before. */
  readonly after?: string;
  readonly limit: number;
}

/** Approvals: opened, read, and changed by comparison. */
export interface ApprovalStore {
  /**
   * Opens an approval, joins a live one of the same fingerprint, or hands over what a finished one still owes, in one
   * transaction. `room`: what the grant may open and keep.
   */
  open(request: NewApproval, joiner: NewJoiner, room: GrantRoom, event: NewEvent): Promise<Opened>;
  /** `together`: where others are read at the same time, in one statement with them. */
  find(id: string, how?: 'together'): Promise<Approval | null>;
  /** The same, with its card as it is at that moment. */
  look(id: string, how?: 'together'): Promise<{ readonly approval: Approval; readonly card: CardRecord | null } | null>;
  /** For each of these approvals, by id, the newest `most` before it that were for the very same call, newest first. */
  earlier(ids: readonly string[], most: number): Promise<ReadonlyMap<string, readonly EarlierCall[]>>;
  /** What the store knows of this principal's questions: of all for this tool, and of any since this instant. */
  askedBefore(
    by: { readonly grant: string; readonly server: string; readonly tool: string },
    since: Date,
  ): Promise<AskedBefore>;
  /** What is pending and meets the filter. `after`: the `next` of the page before. */
  pending(
    beholder: Beholder,
    filter: PendingFilter,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<PendingPage>;
  /** What became of earlier calls of the same tool by the same principal: of the approved ones what they were, of the others how many. */
  earlierAsked(call: ComparedCall): Promise<EarlierAsked>;
  /** Keeps what was found out about a call, with its event, once. False: it was kept before. */
  keepFacts(id: string, facts: CallFacts, event: NewEvent | null): Promise<boolean>;
  counts(): Promise<PendingCounts>;
  /** Newest first. */
  list(filter: ApprovalFilter): Promise<Page<Approval>>;
  /** The newest, for lists that name them. `broken` says nothing of what is shown of the call, which is not read. */
  glance(filter: { states: readonly State[]; limit: number }): Promise<readonly ApprovalGlance[]>;
  commit(change: Change): Promise<Committed>;
  /** Counter-proposals whose approvals are over leave the set of those that live. */
  endCounters(at: Date): Promise<void>;
  /**
   * Two changes of which the second follows the first, as if they were committed one after the other with nobody in
   * between: both or neither. `left`, `full` and `frozen` concern the second. Only the first may have a decision, only the second
   * counters and a caller.
   */
  commitBoth(first: Change, second: Change): Promise<Committed>;
  /**
   * Decisions about several approvals, each its own: all or none. They take nothing from limits, and give nothing in
   * advance.
   */
  commitTogether(changes: readonly Change[]): Promise<CommittedTogether>;
  /** Of these approvals, given with their revisions, those whose revision is another now. */
  changed(held: ReadonlyMap<string, number>): Promise<readonly Approval[]>;
  /** How these calls stand, without what is long in them; those that are not there are missing. */
  sentCalls(ids: readonly string[]): Promise<readonly SentCall[]>;
  /** The request's sealed bytes. */
  request(id: string): Promise<Uint8Array | null>;
  /** The kept result's sealed bytes; null when none is kept. */
  result(id: string): Promise<Uint8Array | null>;
  /**
   * Extends the leases of dispatches that are still under way here. `held`: approvals by the name of their dispatch.
   */
  renew(held: ReadonlyMap<string, string>, until: Date): Promise<void>;
}
