import type { Approval } from '../domain/approval.ts';
import type { NewEvent } from '../domain/event.ts';
import type { NewJoiner } from './store.ts';

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
export interface FollowedTask {
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
export interface QuestionKey extends Pick<NewQuestion, 'session' | 'requestId'> {
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
  followTask(pursuit: FollowedTask, replica: string, until: Date): Promise<void>;
  findFollowed(approval: string): Promise<FollowedTask | null>;
  /** Takes over, until then, those that nobody holds any more. */
  claimFollowed(replica: string, now: Date, until: Date, limit: number): Promise<readonly FollowedTask[]>;
  /** False: another replica has it, or it is over. */
  keepFollowed(approval: string, replica: string, until: Date): Promise<boolean>;
  endFollowed(approval: string): Promise<void>;

  /** False: the task is over, or this is one question too many. */
  keepQuestion(question: NewQuestion): Promise<boolean>;
  /** Those nobody has answered yet, after this place, oldest first. */
  questions(task: string, after: number): Promise<readonly Question[]>;
  /** It is not handed out again. */
  answered(asked: QuestionKey): Promise<void>;

  /** The name a session's client gave itself at `initialize`. */
  nameClient(session: string, server: string, client: string): Promise<void>;
  clientOf(session: string, server: string): Promise<string | null>;
}
