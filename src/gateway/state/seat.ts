import type { Approval } from '../../domain/approval/approval.ts';
import type { Call } from '../../domain/call/call.ts';

/** A caller's place at an approval. Small on purpose: five thousand of them wait in one process. */
export interface Seat {
  readonly approval: Approval;
  readonly joiner: string;
  /** It opened the approval itself. */
  readonly opened: boolean;
  /** What could not be told yet, for the agent to read; null when all is well. */
  readonly notice: string | null;
}

/** The call as its held bytes say it; made again when it is needed, so that a parked call keeps no parsed copy. */
export type Recall = () => Call;
