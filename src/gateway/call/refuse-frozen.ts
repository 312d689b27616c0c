import type { Call } from '../../domain/call/call.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import type { Gateway } from '../gateway.ts';
import type { Handled } from './arrival.ts';
import { LOG_IS_DOWN, type VerdictNotes } from './verdict-notes.ts';

/** The freeze that stops this call, as far as this process knows; null: none. */
export function freezeOverCall(
  { knownFreezes }: Pick<Gateway, 'knownFreezes'>,
  { server, principal }: Pick<Call, 'server' | 'principal'>,
): Freeze | null {
  return knownFreezes.over({ server, grant: principal.grant });
}

/**
 * Refuses the call because of a freeze. A slow log delays the answer; a log that cannot be written becomes the answer.
 */
export function refuseFrozen(
  { journal }: Pick<Gateway, 'journal'>,
  notes: VerdictNotes,
  freeze: Freeze,
): Handled | Promise<Handled> {
  if (journal.writable) return notes.frozen(freeze);
  return journal.recovered().then((ok) => (ok ? notes.frozen(freeze) : LOG_IS_DOWN));
}
