import type { Approval } from '../../domain/approval/approval.ts';
import type { NoOpening } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import type { Handled } from './arrival.ts';
import { notifyCrowd } from './notify-crowd.ts';
import type { VerdictNotes } from './verdict-notes.ts';

/** Notes that a gated call was neither parked nor joined, because its grant has no room, and says so to the agent. */
export function refuseOpening(
  gateway: Pick<Gateway, 'cards' | 'log' | 'store'>,
  notes: VerdictNotes,
  call: Pick<Approval, 'grant' | 'server' | 'tool'>,
  refusal: NoOpening,
): Handled {
  switch (refusal.kind) {
    case 'crowded':
      notes.note('call.refused', { reason: 'too many pending' });
      void notifyCrowd(gateway, call, { kind: 'pending', pending: refusal.pending });
      return refusal;
    case 'paced': {
      const { max, window } = refusal.full.take;
      void notifyCrowd(gateway, call, { kind: 'openings', max, window: 'calendar' in window ? window.calendar : '' });
      return notes.limited(refusal.full);
    }
    case 'heavy':
      notes.note('call.refused', { reason: 'too many bytes kept', kept: refusal.kept, most: refusal.most });
      return { kind: 'overfull', refusal };
    case 'overjoined':
      notes.note('call.refused', { reason: 'too many callers', of: refusal.of, most: refusal.most });
      return { kind: 'overfull', refusal };
    default:
      return refusal satisfies never;
  }
}
