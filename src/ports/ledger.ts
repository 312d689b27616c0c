import type { Link } from '../domain/chain.ts';
import type { SignedCheckpoint } from '../domain/checkpoint.ts';
import type { NewEvent } from '../domain/event.ts';

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
  /**
   * Sealed events after this place, in the chain's order: no event ever appears behind a reader. `phrases: false`: whoever
   * only hands them on need not have compared what words a search finds them by. Fewer than `limit` are not the last of
   * them: heavy events come in smaller pages. None are the end.
   */
  chain(after: number, limit: number, look?: { readonly phrases: boolean }): Promise<readonly ChainedEvent[]>;
  /** Events not sealed yet, in order of writing, after this cursor; in pages as those of `chain`. */
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
