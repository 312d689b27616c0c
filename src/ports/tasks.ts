import type { GivenAnswer } from '../domain/approval/answer.ts';
import type { Approval } from '../domain/approval/approval.ts';
import type { NewEvent } from '../domain/log/event.ts';
import type { AskedStore } from './asked.ts';
import type { NewJoiner } from './opening.ts';

/**
 * `held`: its approval tells its state. `input`: the server asked for something before it answers. `relayed`: the
 * server runs it as a task of its own, which is followed. `done`: its answer is kept here until it expires.
 */
export type TaskPhase = 'held' | 'input' | 'relayed' | 'done' | 'cancelled';

/** A task with which a call was answered, bound to its grant and server. */
export interface Task {
  readonly id: string;
  readonly approval: string;
  readonly joiner: string;
  readonly grant: string;
  readonly server: string;
  /** `legacy`: asked for by `params.task` (2025-11-25). `modern`: by the tasks extension. */
  readonly era: 'legacy' | 'modern';
  readonly phase: TaskPhase;
  /** How it ended; null: it has not. */
  readonly outcome: 'completed' | 'tool_error' | 'protocol_error' | null;
  /** For people: the status message of a task that is over. */
  readonly note: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly expiresAt: Date;
  /** The approval for which the agent's answers wait; null: they wait for none. */
  readonly leg: TaskLeg | null;
}

/** The approval for which a task's answers wait, and the task's seat there. */
export interface TaskLeg {
  readonly approval: string;
  readonly joiner: string;
}

export interface NewTask extends Omit<Task, 'phase' | 'outcome' | 'note' | 'updatedAt' | 'leg'> {
  /** The call and its headers, sealed. */
  readonly request: Uint8Array;
}

/** Made only while the task is in one of the phases of `from`. */
export interface TaskChange {
  readonly id: string;
  readonly from: readonly TaskPhase[];
  readonly to: TaskPhase;
  readonly at: Date;
  readonly outcome?: Task['outcome'];
  readonly note?: string | null;
  /** What belongs to the phase, sealed: the answer, the questions, the server's task. */
  readonly kept?: Uint8Array | null;
  /** The task is kept until then at least. */
  readonly until?: Date;
  /** The approval for which the answers wait from now on; null: none. Absent: as before. */
  readonly leg?: TaskLeg | null;
  /** Only if the answers wait for this approval, or for none. */
  readonly whileLeg?: string | null;
  /** Only if `kept` is still this, so that two writers do not overwrite each other's part. */
  readonly over?: Uint8Array;
}

/** A task that the server made of an approved call, and that a replica follows to its end. */
export interface FollowedTask {
  readonly approval: string;
  /** The dispatch that it ends, as the approval names it. */
  readonly dispatcher: string;
  /** Our own task, of a caller that asked for one; null: it asked for none. */
  readonly task: string | null;
  readonly grant: string;
  readonly server: string;
  /** Where it is and how to ask for it, sealed. */
  readonly kept: Uint8Array;
  readonly startedAt: Date;
}

/** What a server asks a task's agent while the call runs (2025-11-25): elicitation, sampling. */
export interface Question {
  /** In the order of asking. */
  readonly n: number;
  /** The event as it came, sealed. */
  readonly kept: Uint8Array;
}

export interface NewQuestion extends Pick<Question, 'kept'> {
  readonly task: string;
  /** The session in which it has to be answered, as a digest. */
  readonly session: string | null;
  /** The server's JSON-RPC id, as JSON text. */
  readonly requestId: string;
}

/** What an answer is matched to its question by. */
export interface QuestionKey extends Pick<NewQuestion, 'session' | 'requestId'> {
  readonly grant: string;
  readonly server: string;
}

/** A seat that its caller takes again: the answer goes on elsewhere. */
export interface Reseating {
  readonly joiner: string;
  readonly replica: string;
  readonly session: string | null;
  readonly requestId: string;
  /** The round that the caller was told to name, good once; null: rounds are not counted. */
  readonly round: number | null;
}

/** What is kept of a call while nobody holds a stream for it. Throws `Unavailable('store')`. */
export interface TaskStore extends AskedStore {
  /** Durable, with its caller's seat kept for it, before the agent hears of it. */
  openTask(task: NewTask): Promise<void>;
  /**
   * null: unknown, another grant's or server's, or past its time. A task whose call still runs is never past its time.
   */
  findTask(id: string, grant: string, server: string, now: Date): Promise<Task | null>;
  /** Tasks of 2025-11-25, the only ones that can be listed; newest first. */
  listTasks(grant: string, server: string, now: Date, limit: number): Promise<readonly Task[]>;
  /** The agent has fetched the answer. */
  fetchedTask(id: string, at: Date): Promise<void>;
  /** A task of this very call that is done and whose answer was never fetched: the agent lost it. */
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
   * Tasks that need something done: `ready` are those, of this approval or of any, whose approval is approved or over;
   * `cancelled` are those of `running` that were cancelled.
   */
  dueTasks(
    running: readonly string[],
    approval: string | null,
  ): Promise<{
    readonly ready: readonly Task[];
    /** Tasks whose answers wait for an approval that is approved or over. */
    readonly answering: readonly Task[];
    readonly cancelled: readonly string[];
  }>;
  /**
   * Deletes what is over by `now`, and states that gated calls were given by `over`, the clock that is behind; closes
   * requests of ended calls a day after they were asked.
   */
  forgetTasks(now: Date, over: Date): Promise<void>;

  /** The caller goes away and will come back. Returns the round that it has to name then; earlier rounds are void. */
  nextRound(joiner: string): Promise<number>;
  /** null: it has collected or left, or the round is another. */
  reseat(place: Reseating): Promise<Approval | null>;
  /** The approval whose answer this caller collected after `since`; null: it did not, or earlier. */
  collectedBy(joiner: string, since: Date): Promise<Approval | null>;
  /** Remembers a state that the server issued under this approval: a call that brings it back is the same call. */
  rememberContinuation(one: {
    readonly digest: string;
    readonly grant: string;
    readonly server: string;
    readonly fingerprint: string;
    readonly approval: string;
    readonly expiresAt: Date;
  }): Promise<void>;
  /**
   * Spends such a state, with the event: its approval goes on as this dispatch, with a lease until `until`, unless it
   * awaits no input any more, or a freeze stops it. The caller gets an absent one's seat, or a new one. null: nothing
   * was spent.
   */
  takeContinuation(
    one: {
      /** By every secret, the newest first. */
      readonly digests: readonly string[];
      readonly grant: string;
      readonly server: string;
      readonly fingerprints: readonly string[];
      readonly now: Date;
      readonly joiner: NewJoiner;
      readonly dispatcher: string;
      readonly until: Date;
    },
    given: GivenAnswer,
    events: (approval: string) => readonly NewEvent[],
  ): Promise<{
    readonly approval: Approval;
    readonly joiner: string;
    /** The number of the question that is answered, as it was judged. */
    readonly round: number;
    /** Until when the question would have stood. */
    readonly stood: Date;
  } | null>;

  /** The approval that such a state would continue; null: none. Spends nothing. */
  findContinuation(one: {
    readonly digests: readonly string[];
    readonly grant: string;
    readonly server: string;
    readonly fingerprints: readonly string[];
    readonly now: Date;
  }): Promise<Approval | null>;

  /** Durable, and held by this replica until `until`, before the approval says that it awaits a task. */
  followTask(task: FollowedTask, replica: string, until: Date): Promise<void>;
  findFollowed(approval: string): Promise<FollowedTask | null>;
  /** Those at these servers, of all grants, the latest first. */
  followedAt(servers: readonly string[], limit: number): Promise<readonly FollowedTask[]>;
  /** Takes over, until `until`, those that nobody holds any more. */
  claimFollowed(replica: string, now: Date, until: Date, limit: number): Promise<readonly FollowedTask[]>;
  /** Holds it until `until`. False: another replica holds it, or it is over. */
  keepFollowed(approval: string, replica: string, until: Date): Promise<boolean>;
  endFollowed(approval: string): Promise<void>;

  /** False: the task is over, or has too many questions. */
  keepQuestion(question: NewQuestion): Promise<boolean>;
  /** Questions that are not answered yet, after this one, oldest first. */
  questions(task: string, after: number): Promise<readonly Question[]>;
  /** It was answered, and is not handed out again. */
  answered(asked: QuestionKey): Promise<void>;

  /** What a session's client said of itself at `initialize`: its name, if it gave one, and whether it answers forms. */
  nameClient(session: string, server: string, client: string | null, forms: boolean): Promise<void>;
  answersForms(session: string, server: string): Promise<boolean>;
  /** Keeps a sealed reason for the replica that asked for it, a quarter of an hour at most. The first one stands. */
  giveReason(key: string, reason: Uint8Array): Promise<void>;
  /** Takes it; null: none was given yet. */
  takeReason(key: string): Promise<Uint8Array | null>;
  clientOf(session: string, server: string): Promise<string | null>;
}
