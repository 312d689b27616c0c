import type { SignedCheckpoint } from '../domain/log/checkpoint.ts';
import type { NewEvent } from '../domain/log/event.ts';
import type { Link } from '../domain/log/evidence.ts';
import type { KeyEvent } from '../domain/log/key-change.ts';
import type { CutLedger } from './cuts.ts';

/** An event as it stands in the log; `n` is its cursor. */
export interface ChainedEvent extends Link {
  readonly n: number;
  /**
   * Whether a gateway sealed it; null: it has no seal, or this ledger was opened without the keys that would tell.
   */
  readonly ours: boolean | null;
  /** Sealed by a secret that is listed no longer, so that nobody can tell. */
  readonly retired: boolean;
  /** Its text and seal are those of an event before it: somebody copied that. Only where copies were looked for. */
  readonly copied: boolean;
}

/** What waits, for operators' gauges. Counts are rows, ages are seconds. */
export interface Backlog {
  readonly pending: number;
  /** How long the oldest of them has waited. */
  readonly pendingAge: number;
  readonly approved: number;
  readonly dispatched: number;
  readonly head: number;
  readonly unsealed: number;
  readonly unsealedAge: number;
  /** The place of the last event that a checkpoint covers. */
  readonly covered: number;
  readonly staleCards: number;
  readonly staleCardAge: number;
  /** How long the most overdue approval has been waiting for its job. */
  readonly overdueAge: number;
  /** Live approvals, and events that no checkpoint covers yet, that another secret than the newest has sealed. */
  readonly olderApprovals: number;
  readonly olderEvents: number;
  /** Keys of what can be erased, wrapped by another secret than the newest. */
  readonly olderKeys: number;
}

/** The log as a chain, for what signs it, exports it and hands it on. Throws `Unavailable('store')`. */
export interface Ledger extends CutLedger {
  /**
   * Sealed events after this place, in the chain's order: no event ever appears behind a reader. With `phrases: false`
   * it is not checked by which words a search finds them, which readers that only hand them on do not need; with `copies` copies are looked for. Heavy
   * events come in smaller pages: only an empty page is the end.
   */
  chain(
    after: number,
    limit: number,
    look?: { readonly phrases: boolean; readonly copies?: boolean },
  ): Promise<readonly ChainedEvent[]>;
  /** Events that are not sealed yet, in order of writing, after this cursor; in pages like those of `chain`. */
  unsealed(after: number, limit: number): Promise<readonly ChainedEvent[]>;
  /** The places of the chain's last event and of the last checkpoint, as of one instant; 0: none. */
  ends(): Promise<{ readonly head: number; readonly checkpoint: number }>;
  /**
   * The head and the last checkpoint, if anything but checkpoints was sealed since that one, or if that one is older
   * than `before`; else null.
   */
  unsigned(
    before?: Date,
  ): Promise<{ readonly seq: number; readonly hash: string; readonly last: SignedCheckpoint | null } | null>;
  /** False: another replica signed first, or the checkpoint that it names as the previous one is no longer the last. */
  saveCheckpoint(signed: SignedCheckpoint, event: NewEvent): Promise<boolean>;
  /** The log's id; null: it has none yet. */
  logId(): Promise<string | null>;
  /** What the chain's events up to this place say about keys, in order: only events that a gateway sealed. */
  keyEvents(upTo: number): Promise<readonly KeyEvent[]>;
  /** Writes the event of a change to this key. False: one to it is written already. */
  changeKey(to: string, event: (retired: readonly string[]) => NewEvent): Promise<boolean>;
  /** Checkpoints at places after `after` and up to `upTo`, in order. */
  checkpoints(after: number, upTo: number): Promise<readonly (SignedCheckpoint & { readonly seq: number })[]>;
  /** The first checkpoint that covers this place; null: none does yet. */
  covering(seq: number): Promise<(SignedCheckpoint & { readonly seq: number }) | null>;
  /** The hashes of the events after `after`, up to `upTo`, in order: 64 hex digits each. */
  hashes(after: number, upTo: number): Promise<readonly string[]>;
  /** The place up to which a sink has taken events, and how often it has failed since. */
  sinkCursor(name: string): Promise<{ readonly seq: number; readonly failures: number }>;
  /** False: another replica moved it first. */
  moveSink(name: string, from: number, to: number, failures: number): Promise<boolean>;
  backlog(): Promise<Backlog>;
}
