import type { NewEvent } from '../domain/log/event.ts';

/** Ended approvals that are retained no longer. */
export interface RemovalStore {
  /** Ids after `after` of some that ended before then, and that a gateway left as they are; the oldest first. */
  removable(after: string, before: Date, limit: number): Promise<readonly string[]>;
  /**
   * Deletes these with what belongs to them alone, but for those that still matter, and writes the event that names what is
   * gone. Returns that.
   */
  remove(
    ids: readonly string[],
    before: Date,
    event: (removed: readonly string[]) => NewEvent,
  ): Promise<readonly string[]>;
  /** Octets that approvals and what belongs to them take, with indexes. */
  approvalOctets(): Promise<number>;
}
