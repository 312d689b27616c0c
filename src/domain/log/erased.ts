import type { Erasure } from '../call/erasure.ts';
import { erasureIn } from './enclosed.ts';
import type { LoggedEvent } from './event.ts';

/** What an event of the log says of an erasure. What no gateway wrote erases nothing. */
export function loggedErasure(event: LoggedEvent): Erasure | null {
  return event.doubt === undefined ? erasureIn({ ...event, at: event.at.toISOString() }) : null;
}
