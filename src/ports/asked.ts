import type { GivenAnswer } from '../domain/approval/answer.ts';
import type { Approval } from '../domain/approval/approval.ts';
import type { FrozenPlace } from '../domain/freeze/freeze.ts';
import type { NewEvent } from '../domain/log/event.ts';

/** A request that a server sent while a gated call ran: only a yes may answer it, where policy says so. */
export interface AskedRequest {
  readonly n: number;
  readonly approval: string;
  /** As in `AskedKey`. */
  readonly session: string | null;
  /** The message as it came, sealed. */
  readonly kept: Uint8Array;
  /** It was answered, or is being answered. */
  readonly answered: boolean;
  /** The call still runs. */
  readonly running: boolean;
}

/** A request to be kept. */
export interface NewAskedRequest extends AskedKey, Pick<AskedRequest, 'approval' | 'kept'> {
  /** A keyed digest: a request that is sent again on another stream is not kept twice. */
  readonly digest: string;
  readonly at: Date;
}

/** Where a server's request is answered, and by which id. `key`: the id as loosely as servers compare it. */
export interface AskedKey {
  readonly grant: string;
  readonly server: string;
  /** A digest; null where there is none. */
  readonly session: string | null;
  readonly key: string;
}

/** Where an agent answers. */
export interface AskedPlace extends Pick<AskedKey, 'grant' | 'session'> {
  /** All names under which the config reaches this upstream: for its requests they are one place. */
  readonly servers: readonly string[];
}

/** A state in what a server issued it to, and in what brings it. */
interface StateOfServer {
  /** Keyed digests of the state, by every secret, the newest first. */
  readonly digests: readonly string[];
  readonly grant: string;
  /** As in `AskedPlace`. */
  readonly servers: readonly string[];
}

/** What servers ask, and what they give to be brought back. Throws `Unavailable('store')`. */
export interface AskedStore {
  /** Durable before the agent sees the request. False: the call is over, or has too many requests without an answer. */
  keepRequest(asked: NewAskedRequest): Promise<boolean>;
  /** The latest request that an answer with this id could be meant for; null: none of a gated call. */
  findRequest(place: AskedPlace, key: string): Promise<AskedRequest | null>;
  /** Whether `findRequest` would find one for any of these keys. */
  hasRequest(place: AskedPlace, keys: readonly string[]): Promise<boolean>;
  /**
   * A gated call of this grant that runs at this server in this session, the latest; null: none. `strict`: only one
   * whose answers need a yes.
   */
  runningIn(place: AskedPlace, strict: boolean): Promise<string | null>;
  /** Whose question answers with these keys could be meant for, where no gated call of this grant has asked it. */
  whoseAnswers(
    place: AskedPlace,
    keys: readonly string[],
  ): Promise<{
    /** All of them answer requests that were seen in this session outside gated calls. */
    readonly plain: boolean;
    /** A gated call of this grant runs here whose answers need a yes, in whatever session. */
    readonly strict: boolean;
    /** Another grant's gated call waits for an answer with such a key, and no session tells the two apart. */
    readonly others: boolean;
    /**
     * A request of a gated call of this grant waits for one of them, also where `findRequest` says otherwise; null: what is
     * kept of requests is not what a gateway left.
     */
    readonly gated: boolean | null;
  }>;
  /** Remembers requests that a server sent outside gated calls. */
  notePlainRequests(
    asked: Omit<AskedKey, 'key'> & { readonly keys: readonly string[]; readonly at: Date },
  ): Promise<void>;
  /** Such a request was answered. */
  forgetPlainRequest(place: AskedPlace, key: string): Promise<void>;

  /** Remembers until `until` that a server issued this state to a gated call. */
  issueState(state: {
    readonly digest: string;
    readonly grant: string;
    readonly server: string;
    readonly approval: string;
    readonly at: Date;
    readonly until: Date;
  }): Promise<void>;
  /**
   * Remembers that a server issued this state to an allowed request, if it was issued to a gated call before. `request`: a
   * keyed digest of the state together with the kind of request.
   */
  noteIssuedState(
    state: StateOfServer & {
      readonly request: string;
      readonly server: string;
      readonly at: Date;
      readonly until: Date;
    },
  ): Promise<void>;
  /**
   * Whether a server issued this state to a gated call, and not to this kind of request. `request`: as in
   * `noteIssuedState`, by every secret.
   */
  isStateClaimed(state: StateOfServer & { readonly request: readonly string[]; readonly now: Date }): Promise<boolean>;
  /**
   * Marks a request as answered, with the events. Null: it was answered before, its call is over, or a freeze stops it
   * (`unlessFrozen`).
   */
  answerRequest(
    asked: { readonly n: number; readonly approval: string; readonly now: Date; readonly unlessFrozen?: FrozenPlace },
    given: GivenAnswer,
    events: readonly NewEvent[],
  ): Promise<Approval | null>;
  /** The answer was not sent after all. */
  reopenRequest(n: number): Promise<void>;
}
