import type { Approval } from '../../domain/approval/approval.ts';

export interface Seated {
  readonly approval: Approval;
  readonly joiner: string;
}
