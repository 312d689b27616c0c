import type { Gateway } from '../gateway.ts';
import type { Handled } from './arrival.ts';
import { LOG_IS_DOWN, type VerdictNotes } from './verdict-notes.ts';

/** The call is refused for the policy's reason. A slow log holds the answer up; one that cannot be written is named. */
export function deny(
  { journal }: Pick<Gateway, 'journal'>,
  notes: VerdictNotes,
  reason: string,
): Handled | Promise<Handled> {
  const denied = (): Handled => {
    notes.note('call.denied', { reason });
    return { kind: 'denied', reason };
  };
  return journal.writable ? denied() : journal.recovered().then((well) => (well ? denied() : LOG_IS_DOWN));
}
