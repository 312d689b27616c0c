import type { Approval } from '../domain/approval/approval.ts';
import type { NewEvent } from '../domain/log/event.ts';

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

/** Who waits for an approval, and where. */
export interface CallerStore {
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
  /** This replica is alive, and the callers that it holds count as present. */
  beat(replica: string): Promise<void>;
}
