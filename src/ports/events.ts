import type { LoggedEvent, NewEvent } from '../domain/log/event.ts';
import type { ForeignEvent } from './trust.ts';

/** Events: written durably, read, and chained. */
export interface EventStore {
  /** Writes events durably. */
  append(events: readonly NewEvent[]): Promise<void>;
  /**
   * Events after `after` (exclusive), in order of writing. Heavy ones come in smaller pages: only an empty page is the
   * end.
   */
  events(filter: { after: number; limit: number; approval?: string }): Promise<readonly LoggedEvent[]>;
  /**
   * Chains events that are not chained yet, one replica at a time, and only those that a gateway sealed. `chained`: how
   * many. `foreign`: events that no gateway wrote as they are, or that this process wrote and that are gone; `retired`:
   * cursors of those of a secret that is listed no longer; each told once by this process.
   */
  seal(limit: number): Promise<{
    readonly chained: number;
    readonly foreign: readonly ForeignEvent[];
    readonly retired: readonly number[];
  }>;
}
