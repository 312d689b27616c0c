import type { Gateway } from '../gateway.ts';
import type { Handled } from './arrival.ts';
import { LOG_IS_DOWN, type VerdictNotes } from './verdict-notes.ts';

/**
 * Refuses the call for the policy's reason. A slow log delays the answer; a log that cannot be written becomes the
 * answer.
 */
export function deny(
  gateway: Pick<Gateway, 'journal'>,
  notes: VerdictNotes,
  reason: string,
): Handled | Promise<Handled> {
  const { journal } = gateway;
  if (!journal.writable) {
    // Each call looks again when its turn comes: the log may have room for those before it only.
    return journal.recovered().then((ok) => (ok ? deny(gateway, notes, reason) : LOG_IS_DOWN));
  }
  notes.note('call.denied', { reason });
  return { kind: 'denied', reason };
}
