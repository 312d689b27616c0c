import type { Approval } from '../domain/approval/approval.ts';
import type { NewEvent } from '../domain/log/event.ts';
import type { Acceptance, AcceptedStore, AcceptPlan, ApprovalStanding, SetReadings } from './witness.ts';

/** How seals begin in a database that has none. */
export interface SealsBeginning {
  /** The id that the log gets. */
  readonly log: string;
  readonly at: Date;
  /** This process. */
  readonly replica: string;
  /** The logs that witnesses know at this database's place; asked where the store does not say since when it is sealed. */
  readonly known: () => Promise<readonly string[]>;
  /** Tells that a question from before has ended, or a call that was under way then. */
  readonly ended: (
    approval: Pick<Approval, 'grant' | 'id' | 'server' | 'tool'>,
    to: 'lapsed' | 'withdrawn' | 'unknown',
  ) => NewEvent;
  /** Tells that seals began. `head`: the last place in the chain from before. */
  readonly began: (head: number) => NewEvent;
  /**
   * Where the secret that sealed this record is lost, and an operator has said so: tells that the key was changed without
   * the word of the key before. null: nobody has said so.
   */
  readonly lost: ((log: string, head: number, from: string | null, retired: readonly string[]) => NewEvent) | null;
}

/** An event that is not chained because no gateway wrote it as it is. */
export interface ForeignEvent {
  /** Its cursor. */
  readonly n: number;
  /**
   * What does not fit: its text, the columns that searches use, or its seal, which another event has too. `missing`: this
   * process wrote it, and it is gone.
   */
  readonly field: 'body' | 'columns' | 'missing' | 'seal';
}

/** Since when rows are sealed. */
export interface Epoch {
  /** The log's id. */
  readonly log: string;
  /** The last place in the chain whose events may be without a seal. */
  readonly head: number;
}

export type SealsBegun =
  | { readonly kind: 'known'; readonly epoch: Epoch }
  /** `asked`: how many questions from before have ended. */
  | { readonly kind: 'begun'; readonly epoch: Epoch; readonly asked: number }
  /** Another replica has shown life lately. */
  | { readonly kind: 'busy' }
  /** A secret that is not listed sealed the row, or somebody says so. */
  | { readonly kind: 'unlisted' }
  /** The row is not one that a gateway wrote, names another log than the chain does, or it is missing although the log says that there was one. */
  | { readonly kind: 'forged' };

/** Whether the store is what a gateway left. */
export interface TrustStore {
  /**
   * Ids of live approvals whose state no gateway gave them, whatever their revision says; at most `limit`. Reads no
   * arguments, so that all of them can be looked at often.
   */
  doubtful(limit: number): Promise<readonly string[]>;
  /**
   * When seals began in this database: read, or begun now, in one transaction. `others`: replicas that may run beside
   * this one; while another has shown life within the last 15 s, `busy`, because what a release without seals writes is
   * believed by nobody. Questions that were open then have ended: their calls are asked anew when they come again.
   */
  beginSeals(begin: SealsBeginning): Promise<SealsBegun>;
  /** Approvals that ended unsent before their time, the latest first: somebody could put them back. */
  endedEarly(now: Date): Promise<readonly string[]>;
  /** How these approvals stand; those that are not there are missing. */
  standings(ids: readonly string[]): Promise<readonly ApprovalStanding[]>;
  /** Reads the sets of rows that matter by being there, and tells of each. Begins those that have not begun. */
  judgeSets(readings: SetReadings): Promise<void>;
  /**
   * The last time that an operator accepted the store of this log; null: never. `known`: the highest number of an
   * acceptance that is known anywhere; 0: of none.
   */
  lastAcceptance(log: string, known: number): Promise<Acceptance | null>;
  /** Goes on with the store as it is, in one transaction. */
  accept(plan: AcceptPlan): Promise<AcceptedStore>;
}
