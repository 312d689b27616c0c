/**
 * What the gateway needs of the outside. Five ports and the vault; adapters implement them, `main/` constructs them,
 * nothing else knows which one is behind.
 */
import type { Approval, Awaits, Decision, State } from './domain/approval.ts';
import type { Link } from './domain/chain.ts';
import type { SignedCheckpoint } from './domain/checkpoint.ts';
import type { EventType, LoggedEvent, NewEvent } from './domain/event.ts';
import type { Json } from './domain/json.ts';
import type { Full, Take, Taken } from './domain/limit.ts';

export interface Clock {
  now(): Date;
}

/** Structured lines for operators. Never a secret, an argument or a result. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Thrown by an adapter whose outside cannot answer. Doors turn it into "…cannot answer" and forward nothing (P6). */
export class Unavailable extends Error {
  readonly part: 'store' | 'queue' | 'slack' | 'audit';
  constructor(part: Unavailable['part'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Unavailable';
    this.part = part;
  }
}

// ---------------------------------------------------------------- Store

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
  /** Newest first. */
  list(filter: { states?: readonly State[]; after?: string; limit: number }): Promise<Page<Approval>>;
  commit(change: Change): Promise<Committed>;
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
  /** The caller's socket is gone, or its hold is over; it may come back and collect. */
  away(joiner: string): Promise<void>;
  /** All callers that this replica holds are away; used when it stops. */
  allAway(replica: string): Promise<void>;
  /** The caller cancelled. Returns the approval as it is then, with the number of callers left. */
  leave(
    by: { joiner: string } | { server: string; session: string; requestId: string },
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

  /** Events after `after` (exclusive), in order of writing. */
  events(filter: { after: number; limit: number; approval?: string }): Promise<readonly LoggedEvent[]>;
  /** Chains what is not chained yet; at most one replica at a time. Returns how many it chained. */
  seal(limit: number): Promise<number>;
}

// ---------------------------------------------------------------- Ledger

/** A sealed event as it stands in the log; `n` is its cursor. */
export interface ChainedEvent extends Link {
  readonly n: number;
}

/** What waits, for operators' gauges. Counts are of rows, ages in seconds. */
export interface Backlog {
  readonly pending: number;
  readonly approved: number;
  readonly dispatched: number;
  readonly head: number;
  readonly unsealed: number;
  readonly unsealedAge: number;
  /** The last event that a checkpoint vouches for. */
  readonly covered: number;
  readonly staleCards: number;
  readonly staleCardAge: number;
  /** How long the most overdue approval has been waiting for its job. */
  readonly overdueAge: number;
}

/** The log as a chain: what seals, signs, exports and hands it on. Throws `Unavailable('store')`. */
export interface Ledger {
  /** Sealed events after this place, in the chain's order: no event ever appears behind a reader. */
  chain(after: number, limit: number): Promise<readonly ChainedEvent[]>;
  /** Events not sealed yet, in order of writing, after this cursor. */
  unsealed(after: number, limit: number): Promise<readonly ChainedEvent[]>;
  /** The chain's last place and the last checkpoint's, as of one instant; 0: none. */
  ends(): Promise<{ readonly head: number; readonly checkpoint: number }>;
  /** The head, if more than checkpoints came since the last checkpoint, which comes with it; else null. */
  unsigned(): Promise<{ readonly seq: number; readonly hash: string; readonly last: SignedCheckpoint | null } | null>;
  /** False: another replica signed first, or what the last checkpoint vouches for is no longer there. */
  saveCheckpoint(signed: SignedCheckpoint, event: NewEvent): Promise<boolean>;
  /** Checkpoints of places after `after` up to `upTo`, in order. */
  checkpoints(after: number, upTo: number): Promise<readonly (SignedCheckpoint & { readonly seq: number })[]>;
  /** What a sink has taken so far, and how often it failed since. */
  sinkCursor(name: string): Promise<{ readonly seq: number; readonly failures: number }>;
  /** False: another replica moved it first. */
  moveSink(name: string, from: number, to: number, failures: number): Promise<boolean>;
  backlog(): Promise<Backlog>;
}

// ---------------------------------------------------------------- Reviewers

/** One reviewer's stay in the console. Not an MCP session. */
export interface Login {
  /** A keyed digest of the cookie; the cookie itself is kept nowhere. */
  readonly id: string;
  /** Whose decisions are taken: an approver's id, such as `admin`. */
  readonly reviewer: string;
  /** A keyed digest of what was presented; another admin token ends every login made with the old one. */
  readonly credential: string;
  readonly at: Date;
  readonly seenAt: Date;
  /** Over at this instant, however busy. */
  readonly endsAt: Date;
}

/** Who is signed in, over all replicas. Throws `Unavailable('store')`. */
export interface Logins {
  begin(login: Login, event: NewEvent): Promise<void>;
  find(id: string): Promise<Login | null>;
  seen(id: string, at: Date): Promise<void>;
  end(id: string, event: NewEvent): Promise<void>;
}

/** A grant's token that is no longer good, whatever the config says. Another token under the same name is. */
export interface Revocation {
  readonly tokenSha256: string;
  readonly grant: string;
  readonly at: Date;
  /** Who revoked it. */
  readonly actor: string;
  readonly reason: string | null;
}

/** Throws `Unavailable('store')`. */
export interface Revocations {
  list(): Promise<readonly Revocation[]>;
  /** False when it was revoked already; then no event is written. */
  revoke(revocation: Revocation, event: NewEvent): Promise<boolean>;
}

/** What a reviewer looks for. Everything given must hold. */
export interface EventFilter {
  readonly from?: Date;
  readonly to?: Date;
  readonly server?: string;
  readonly tool?: string;
  readonly grant?: string;
  /** `admin`, `slack:U0MIRA`, `grant:release-bot`, `holdfast`. */
  readonly actor?: string;
  readonly types?: readonly EventType[];
  /** Events of approvals that are in this state now. */
  readonly state?: State;
  /** Words that stand in the event; an approval's id or a fingerprint finds everything about it. */
  readonly text?: string;
  /** Events written before this one: the page's key. */
  readonly before?: number;
  readonly limit: number;
}

export interface FoundEvent extends LoggedEvent {
  /** The state of its approval now; null for an event without one. */
  readonly state: State | null;
}

/** An event with what its own hash says of it. */
export interface ProvenEvent extends LoggedEvent {
  /** Whether hash, place and text fit the event before it; null until it is sealed. */
  readonly fits: boolean | null;
}

/** The chain as far as one look can tell. `holdfast audit verify` looks at all of it. */
export interface ChainLook {
  /** The last place, and its hash; 0 and null while nothing is sealed. */
  readonly seq: number;
  readonly hash: string | null;
  readonly unsealed: number;
  /** How many of the newest were checked one by one, and the first that does not fit. */
  readonly checked: number;
  readonly misfit: number | null;
  /** The newest checkpoint as it is kept, and the hash that the event in its place has now. */
  readonly checkpoint: {
    readonly seq: number;
    readonly at: Date;
    readonly signed: SignedCheckpoint;
    readonly hashNow: string | null;
  } | null;
}

/** Counts over a span of time. Slots are numbered from the epoch in units of `slotMs`. */
export interface Tally {
  readonly calls: readonly { readonly slot: number; readonly type: EventType; readonly count: number }[];
  /** Milliseconds from request to the last word, by slot of the request. */
  readonly waits: readonly {
    readonly slot: number;
    readonly count: number;
    readonly p50: number;
    readonly p95: number;
  }[];
  readonly wait: { readonly count: number; readonly p50: number; readonly p95: number } | null;
  readonly approvers: readonly { readonly approver: string; readonly approved: number; readonly denied: number }[];
  readonly refusals: readonly { readonly type: EventType; readonly reason: string; readonly count: number }[];
  /** Counters whose window is open; `key` as `takeKey` writes it. */
  readonly counters: readonly { readonly key: string; readonly used: string; readonly endsAt: Date }[];
}

/** Reads for reviewers; decides and changes nothing. Throws `Unavailable('store')`. */
export interface Records {
  /** Newest first, paged by key. */
  search(filter: EventFilter): Promise<Page<FoundEvent>>;
  /** Sealed events after this place in the chain, in order: a late writer is never skipped. */
  since(seq: number, limit: number): Promise<readonly LoggedEvent[]>;
  event(n: number): Promise<ProvenEvent | null>;
  /** Everything about one approval, oldest first. */
  story(approval: string): Promise<readonly ProvenEvent[]>;
  /** What these cards showed, by the SHA-256 that their events name; what is not kept is not among them. */
  cards(digests: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Checks the newest `newest` events one by one. */
  chain(newest: number): Promise<ChainLook>;
  tally(from: Date, to: Date, slotMs: number): Promise<Tally>;
  /** When each of these grants last called. */
  lastUses(grants: readonly string[]): Promise<ReadonlyMap<string, Date>>;
  /** Tools seen in the newest events, by server. */
  toolsSeen(): Promise<readonly { readonly server: string; readonly tool: string }[]>;
}

// ---------------------------------------------------------------- Tasks

/**
 * `held`: its approval says how it stands. `input`: the server asked for something before it answers. `relayed`: the
 * server runs it as a task of its own, which is followed. `done`: its answer is kept here until it expires.
 */
export type TaskPhase = 'held' | 'input' | 'relayed' | 'done' | 'cancelled';

/** A call that was answered with a task; bound to its grant and server. */
export interface Task {
  readonly id: string;
  readonly approval: string;
  readonly joiner: string;
  readonly grant: string;
  readonly server: string;
  /** `legacy`: asked for by `params.task` (2025-11-25). `modern`: by the tasks extension. */
  readonly era: 'legacy' | 'modern';
  readonly phase: TaskPhase;
  /** How it was answered, once it was. */
  readonly outcome: 'completed' | 'tool_error' | 'protocol_error' | null;
  /** For people: the status message of what is over. */
  readonly note: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly expiresAt: Date;
}

export interface NewTask extends Omit<Task, 'phase' | 'outcome' | 'note' | 'updatedAt'> {
  /** The call and its headers, sealed. */
  readonly request: Uint8Array;
}

/** Taken only while the task is in one of the phases of `from`. */
export interface TaskChange {
  readonly id: string;
  readonly from: readonly TaskPhase[];
  readonly to: TaskPhase;
  readonly at: Date;
  readonly outcome?: Task['outcome'];
  readonly note?: string | null;
  /** What belongs to the phase, sealed: the answer, the questions, the server's task. */
  readonly kept?: Uint8Array | null;
  /** It is kept until then at least. */
  readonly until?: Date;
  /** Only if what is kept is still this; so that two writers do not lose each other's part. */
  readonly over?: Uint8Array;
}

/** A task that the server made of an approved call, which somebody follows to its end. */
export interface Pursuit {
  readonly approval: string;
  /** The dispatch that it ends, as the approval names it. */
  readonly dispatcher: string;
  /** Ours, of whoever asked for one. */
  readonly task: string | null;
  readonly grant: string;
  readonly server: string;
  /** Where it is and how it is asked after, sealed. */
  readonly kept: Uint8Array;
  readonly startedAt: Date;
}

/** What a server asks of a task's agent while the call runs (2025-11-25): elicitation, sampling. */
export interface Question {
  /** Order of asking. */
  readonly n: number;
  /** The event as it came, sealed. */
  readonly kept: Uint8Array;
}

export interface NewQuestion extends Pick<Question, 'kept'> {
  readonly task: string;
  /** The session in which it is to be answered, as a digest. */
  readonly session: string | null;
  /** The server's JSON-RPC id, as JSON text. */
  readonly requestId: string;
}

/** How an answer names its question. */
export interface Asked extends Pick<NewQuestion, 'session' | 'requestId'> {
  readonly grant: string;
  readonly server: string;
}

/** A place that is taken again: an answer that goes on elsewhere. */
export interface Reseating {
  readonly joiner: string;
  readonly replica: string;
  readonly session: string | null;
  readonly requestId: string;
  /** The round it was told to come back from; null: rounds are not counted. Each is good once. */
  readonly round: number | null;
}

/** What is left of a call while nobody holds a stream for it. Throws `Unavailable('store')`. */
export interface TaskStore {
  /** Durable, with its caller's place kept for it, before the agent hears of it. */
  openTask(task: NewTask): Promise<void>;
  /** null: unknown, another grant's or server's, or past its time; what still runs is never past its time. */
  findTask(id: string, grant: string, server: string, now: Date): Promise<Task | null>;
  /** Those of 2025-11-25, which alone can be listed; newest first. */
  listTasks(grant: string, server: string, now: Date, limit: number): Promise<readonly Task[]>;
  /** The agent has had its answer. */
  fetchedTask(id: string, at: Date): Promise<void>;
  /** A task of this very call that is done and whose answer nobody has had: the agent lost it. */
  lostTask(
    call: {
      readonly grant: string;
      readonly server: string;
      readonly era: Task['era'];
      readonly fingerprints: readonly string[];
    },
    now: Date,
  ): Promise<Task | null>;
  taskBytes(id: string, part: 'request' | 'kept'): Promise<Uint8Array | null>;
  changeTask(change: TaskChange): Promise<boolean>;
  /**
   * What somebody has to do something about: tasks whose approval is approved or over, of this approval or of any; which
   * of `running` were cancelled.
   */
  dueTasks(
    running: readonly string[],
    approval: string | null,
  ): Promise<{
    readonly ready: readonly Task[];
    readonly cancelled: readonly string[];
  }>;
  forgetTasks(now: Date): Promise<void>;

  /** The caller goes away and is told to come back: the round it has to name. Earlier ones are no longer good. */
  nextRound(joiner: string): Promise<number>;
  /** null: collected, left, or another round. */
  reseat(place: Reseating): Promise<Approval | null>;
  /** The approval whose answer this caller has collected after `since`; null: it has not, or too long ago. */
  collectedBy(joiner: string, since: Date): Promise<Approval | null>;
  /** A state that the server issued under this approval: the call that brings it back is the same call. */
  rememberContinuation(one: {
    readonly digest: string;
    readonly grant: string;
    readonly server: string;
    readonly fingerprint: string;
    readonly approval: string;
    readonly expiresAt: Date;
  }): Promise<void>;
  /**
   * Spends it, with its event, and its approval goes on as this dispatch, until `until`, unless it awaits no input any
   * more. The caller takes an absent one's place, or a new one. null: nothing was spent.
   */
  takeContinuation(
    one: {
      /** By the newest key first. */
      readonly digests: readonly string[];
      readonly grant: string;
      readonly server: string;
      readonly fingerprints: readonly string[];
      readonly now: Date;
      readonly joiner: NewJoiner;
      readonly dispatcher: string;
      readonly until: Date;
    },
    event: (approval: string) => NewEvent,
  ): Promise<{
    readonly approval: Approval;
    readonly joiner: string;
    /** How long the question would have stood. */
    readonly stood: Date;
  } | null>;

  /** Durable, and held by this replica until then, before the approval says that it awaits a task. */
  openPursuit(pursuit: Pursuit, replica: string, until: Date): Promise<void>;
  findPursuit(approval: string): Promise<Pursuit | null>;
  /** Takes over, until then, those that nobody holds any more. */
  claimPursuits(replica: string, now: Date, until: Date, limit: number): Promise<readonly Pursuit[]>;
  /** False: another replica has it, or it is over. */
  keepPursuit(approval: string, replica: string, until: Date): Promise<boolean>;
  endPursuit(approval: string): Promise<void>;

  /** False: the task is over, or this is one question too many. */
  keepQuestion(question: NewQuestion): Promise<boolean>;
  /** Those nobody has answered yet, after this place, oldest first. */
  questions(task: string, after: number): Promise<readonly Question[]>;
  /** It is not handed out again. */
  answered(asked: Asked): Promise<void>;

  /** The name a session's client gave itself at `initialize`. */
  nameClient(session: string, server: string, client: string): Promise<void>;
  clientOf(session: string, server: string): Promise<string | null>;
}

// ---------------------------------------------------------------- Queue

/** What the queue runs for the gateway. A job carries only an approval's id, and may run more than once. */
export interface Handlers {
  /** A parked job is due: promoted by a decision, or its time is over. */
  due(id: string): Promise<void>;
  /** Bring the card up to date. Returns ms after which to try again, or null when done. */
  card(id: string): Promise<number | null>;
  /** Compare SQL with the queue; every 5 s on one replica. */
  sweep(): Promise<void>;
  /** Sign the chain's head if it moved; every 30 s on one replica. */
  checkpoint?(): Promise<void>;
  /** Hand events to the sink. Returns ms after which to try again, or null when there is nothing more. */
  deliver?(): Promise<number | null>;
}

/** Consequences: parked calls, card jobs, the sweep. All throw `Unavailable('queue')`, none decides anything. */
export interface Queue {
  /** Starts working. Throws when the queue cannot be reached. */
  start(handlers: Handlers): Promise<void>;
  ping(): Promise<void>;
  /** Parks an approval until `expiresAt`. Parking a parked one changes nothing. */
  park(id: string, expiresAt: Date): Promise<void>;
  /** Of these, those without a parked job. */
  missing(ids: readonly string[]): Promise<readonly string[]>;
  /** Promotes the parked job, or rings without one; every replica's `onWake` hears it. */
  wake(id: string): Promise<void>;
  /** Called on every replica when an approval was woken. One listener. */
  onWake(listener: (id: string) => void): void;
  /** The card of this approval is to be brought up to date. Jobs of one approval never run side by side. */
  publish(id: string, delayMs?: number): Promise<void>;
  /** Has `deliver` run on one replica; ordering it twice is ordering it once. */
  deliver(): Promise<void>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------- Cards

export type Delivery =
  | {
      readonly kind: 'shown';
      readonly channel: string;
      readonly ts: string;
      /** Ends with the SHA-256 of `content`. */
      readonly digest: string;
      /** The card's blocks as they were posted, as JSON: already redacted. Absent: what was sent is no card. */
      readonly content?: string;
    }
  /** Slack said no for now, or did not answer. `ambiguous`: the message may exist. */
  | { readonly kind: 'later'; readonly afterMs: number; readonly why: string; readonly ambiguous: boolean }
  /** Slack will never take it: deleted message, missing channel, shared channel. */
  | { readonly kind: 'never'; readonly why: string };

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
}

// ---------------------------------------------------------------- Upstream

export interface Exchange {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Lower-case names. Already stripped of what must not cross. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** For caps and ownership of stdio children. */
  readonly grant: string;
  /** Gives up the exchange until its answer is here; from then on its body is cancelled instead. */
  readonly signal?: AbortSignal;
  /**
   * What cancelling the answer's body means. `abort` (the default): the upstream connection is closed. `drain`: the
   * answer is read to its end and dropped, because to a legacy server a closed connection may look like a wish.
   */
  readonly whenAbandoned?: 'abort' | 'drain';
}

export type ExchangeAnswer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Lower-case names, in order. */
      readonly headers: readonly (readonly [string, string])[];
      readonly body: ReadableStream<Uint8Array> | Uint8Array | null;
    }
  /** Provably not sent: refused, DNS, TLS before any write, no child. */
  | { readonly kind: 'not_sent'; readonly why: string }
  /** Sent, perhaps; no answer. */
  | { readonly kind: 'lost'; readonly why: string };

/** One MCP server behind us, over streamable HTTP or stdio: both speak the same exchanges. */
export interface Upstream {
  readonly kind: 'http' | 'stdio';
  exchange(exchange: Exchange): Promise<ExchangeAnswer>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------- Vault

/** Keys, derived from `HOLDFAST_SECRET` one a purpose. */
export interface Vault {
  /** HMAC-SHA-256 over RFC 8785 of the material, hex; the first is today's, the rest are of older secrets. */
  fingerprints(material: Json): readonly string[];
  /** AES-256-GCM, bound to the row. */
  seal(purpose: 'request' | 'result' | 'state', row: string, bytes: Uint8Array): Uint8Array;
  /** Opens what any listed secret sealed; throws when none did. */
  open(purpose: 'request' | 'result' | 'state', row: string, sealed: Uint8Array): Uint8Array;
  /** A keyed digest, for looking secrets up without keeping them. */
  digest(purpose: 'session' | 'console' | 'outcome' | 'state', text: string | Uint8Array): string;
  /** The same under every secret, newest first: to find what was named by an older one. */
  digests(purpose: 'session' | 'console' | 'state', text: string): readonly string[];
  /** Ed25519 over the text by today's checkpoint key, hex. */
  sign(text: string): string;
  /** Public keys of every listed secret, 64 hex digits each; today's first. */
  readonly publicKeys: readonly string[];
}

// ---------------------------------------------------------------- Witness, Sink

/** Keeps a checkpoint out of reach of whoever has the database. What it throws is told in the log and stops nothing. */
export type Witness = (signed: SignedCheckpoint) => Promise<void>;

/** Where events are handed on to, in the chain's order, at least once each. */
export interface Sink {
  /** Stable over restarts; what it has taken is remembered under it. */
  readonly name: string;
  /** `later`: it was not taken, and is offered again. */
  send(
    events: readonly ChainedEvent[],
  ): Promise<{ readonly kind: 'taken' } | { readonly kind: 'later'; readonly why: string }>;
}
