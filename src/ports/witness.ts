import type { Approval, State } from '../domain/approval/approval.ts';
import type { Freeze } from '../domain/freeze/freeze.ts';
import type { NewEvent } from '../domain/log/event.ts';
import type { SpentPass } from '../domain/log/witness-entry.ts';

/** The head of a set of rows that matter by being there (sql/log/sealed-set.ts). */
export interface SetHead {
  readonly name: string;
  /** Grows by one with every change of the set. */
  readonly version: number;
  readonly count: number;
  /** 64 hex digits: of all of its rows, in no order. */
  readonly digest: string;
}

/** How far a store had come when it was last found to be whole. */
export interface WitnessedState {
  /** The log's id. */
  readonly log: string;
  /** How often an operator has accepted the store as it is: a higher one replaces a lower one, however far that had come. */
  readonly accepted: number;
  /** The chain's last event; seq 0: none. */
  readonly seq: number;
  readonly hash: string;
  /** The last event that a checkpoint covers; 0: none. */
  readonly checkpoint: number;
  readonly sets: readonly SetHead[];
  /** The signature of the last checkpoint in `checkpoints.jsonl` that an operator has accepted as another log's; null: none. */
  readonly settled: string | null;
}

/** What a witness remembers of one log. */
export interface Remembered {
  readonly state: WitnessedState | null;
  readonly passes: readonly SpentPass[];
}

/**
 * Remembers outside the database what was sent and how far the log had come, so that a database that goes back in time is
 * noticed (P2, P7). What it keeps is sealed: whoever can write there can delete, but neither forge, nor use an entry for
 * another log. Every method rejects when it cannot answer.
 */
export interface Witness {
  /** For operators: `Redis`, `the data directory`. */
  readonly name: string;
  /** The log that was last kept for this database; null: none. `place` names the database as the settings do. */
  logOf(place: string): Promise<string | null>;
  bind(place: string, log: string): Promise<void>;
  /**
   * Remembers these, durably, in one round trip. Returns those that it knew already and that were not returned; they stay
   * as they are.
   */
  spend(log: string, passes: readonly SpentPass[]): Promise<readonly SpentPass[]>;
  /** Replaces what it knows of these, where they say more: they were returned, or are known better. */
  correct(log: string, passes: readonly SpentPass[]): Promise<void>;
  /**
   * Of these, which it does not have, or not as they are known. Only of a witness that others can write to: single entries
   * may have been taken out.
   */
  lacks?(log: string, passes: readonly SpentPass[]): Promise<readonly SpentPass[]>;
  /** What was spent in the last so many milliseconds, by the witness's own clock, and the state. */
  read(log: string, lastMs: number): Promise<Remembered>;
  /** Keeps the state, unless it knows a later one. */
  keep(state: WitnessedState): Promise<void>;
  close(): Promise<void>;
}

/** What a read of such a set found. */
export interface SetReading {
  readonly name: string;
  /** Null: there is none that a gateway wrote. */
  readonly head: SetHead | null;
  /** What does not fit, in words; null: everything does. */
  readonly fault: string | null;
}

/**
 * What a read of a set is worth. `stale`: a later one is known already. `refused`: it is not what a gateway left, or not
 * the last that one left.
 */
export type SetJudgement = 'believed' | 'stale' | 'refused';

/** Is told of every read of such a set, and of rows that no gateway wrote. */
export interface SetReadings {
  /** Before a read begins; its result is handed to `read` with this number. */
  begin(): number;
  read(turn: number, reading: SetReading): SetJudgement;
  /** `row`: how operators find it. `why`: what is wrong with it; absent: no gateway wrote it. */
  foreign(table: string, row: string, why?: string): void;
  /** Something was found of this set, and no operator has accepted it since. */
  isAtFault(name: string): boolean;
}

/** How an approval stands in the store. */
export interface ApprovalStanding {
  readonly id: string;
  readonly state: State;
  readonly revision: number;
  /** The revision at which the state was reached. */
  readonly stateRevision: number;
}

/** That an operator accepted the store as it is. */
export interface Acceptance {
  /** 1 for the first. */
  readonly number: number;
  readonly log: string;
  /** The chain's last place then. */
  readonly head: number;
  /** The cursor of the last event then. */
  readonly lastEvent: number;
}

/** What is to become of a store that went back in time. */
export interface AcceptPlan {
  readonly log: string;
  /** Higher than that of any acceptance that is known anywhere; where the store has a later one, it gets the next. */
  readonly number: number;
  readonly at: Date;
  /** What the witnesses know as sent, or ended, at the approvals' highest revisions: as far as the store has it otherwise. */
  readonly sent: readonly SpentPass[];
  /** Approvals whose seals are known to be broken, besides the live ones, which are all looked at. */
  readonly broken: readonly string[];
  /** Rows that no gateway wrote, as `SetReadings.foreign` names them: nobody is told of them again. */
  readonly foreign: readonly { readonly table: string; readonly row: string }[];
  /** The versions of sets that are known anywhere. */
  readonly sets: readonly SetHead[];
  /** Nothing is changed: only what would be is told. */
  readonly dryRun?: boolean;
  /**
   * A freeze that the log says was set, and whose row was ended or changed outside the gateway, is set again under an id of
   * its own: that id, and the event.
   */
  readonly frozenAgain: (freeze: Freeze) => { readonly id: string; readonly event: NewEvent };
  /**
   * What becomes of one approval, as its event says it. `changed`: its record was; `twin`: it was of the same call as one
   * that is unknown now; `ended`: it had ended unsent, and the store did not know it.
   */
  readonly told: (
    approval: Pick<Approval, 'grant' | 'id' | 'server' | 'tool'>,
    to: 'unknown' | 'withdrawn' | 'lapsed',
    why: 'sent' | 'changed' | 'twin' | 'ended',
  ) => NewEvent;
  /** The event `store.accepted`. */
  readonly accepted: (done: AcceptedStore) => NewEvent;
}

/** What `accept` changed: ids. */
export interface AcceptedStore {
  /** Sent according to a witness, and pending, approved or asking in the store: unknown now. */
  readonly unknown: readonly string[];
  /** Sent according to a witness, and not in the store at all: there again, unknown. */
  readonly restored: readonly string[];
  /** Live records with broken seals, those that had ended, and those that were asked without a word of a sending that was lost: ended; under way: unknown. */
  readonly ended: readonly string[];
  /** Rows that the log names and that were gone: there again. */
  readonly putBack: readonly NamedLoss[];
  /** What is gone or was changed, and stays so. */
  readonly lost: readonly NamedLoss[];
  /** Ids of the freezes that are in force then. */
  readonly freezes: readonly string[];
  readonly acceptance: Acceptance;
  readonly sets: readonly SetHead[];
}

/** Something that was missing when an operator accepted the store. */
export interface NamedLoss {
  readonly table: string;
  /** How operators find it; null: nothing names it. */
  readonly row: string | null;
  /** What it said, in words. */
  readonly about: string;
}

/** A checkpoint that was kept outside the database. */
export interface CopiedCheckpoint {
  readonly seq: number;
  readonly hash: string;
  readonly signature: string;
}
