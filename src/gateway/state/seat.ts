import type { Approval } from '../../domain/approval/approval.ts';
import type { Call } from '../../domain/call/call.ts';

/** A caller's seat at an approval. Small on purpose: five thousand of them wait in one process. */
export interface Seat {
  readonly approval: Approval;
  /** The id of the caller's row. */
  readonly joiner: string;
  /** This caller opened the approval; false: it joined. */
  readonly opened: boolean;
  /** What the agent should know of a problem, in words; null: there is none. */
  readonly notice: string | null;
}

/** Parses the call from its held bytes; called whenever it is needed, so that a parked call keeps no parsed copy. */
export type ReadCall = () => Call | Promise<Call>;
