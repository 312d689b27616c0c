import type { Gateway } from '../gateway.ts';
import type { Handled } from './arrival.ts';
import { LOG_IS_DOWN, type VerdictNotes } from './verdict-notes.ts';

/**
 * Refuses the call for the policy's reason. A slow log delays the answer; a log that cannot be written becomes the
 * answer.
 */
export function deny(
  { journal }: Pick<Gateway, 'journal'>,
  notes: VerdictNotes,
  reason: string,
): Handled | Promise<Handled> {
  const denied = (): Handled => {
    notes.note('call.denied', { reason });
    return { kind: 'denied', reason };
  };
  return journal.writable ? denied() : journal.recovered().then((ok) => (ok ? denied() : LOG_IS_DOWN));
}
