import type { Approval } from '../../domain/approval/approval.ts';

/** A caller's seat: the approval that it joined, and the joiner's id. */
export interface Seated {
  readonly approval: Approval;
  readonly joiner: string;
}
