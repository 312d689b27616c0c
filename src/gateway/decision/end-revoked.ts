import { type Approval, GRANT_REVOKED } from '../../domain/approval/approval.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import { changeApproval } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';

/**
 * Ends an approval whose grant was revoked after it was opened: nobody needs to decide it any more, since its pass could
 * never be spent. What is under way is left to end.
 */
export async function endRevoked(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>,
  found: Approval,
): Promise<void> {
  const end = await changeApproval(gateway.store, found, (approval) => {
    const { id, revision, state, fingerprint } = approval;
    if (state !== 'pending' && state !== 'approved') return null;
    const pending = state === 'pending';
    const type = pending ? 'approval.withdrawn' : 'approval.lapsed';
    const data = { note: GRANT_REVOKED, reason: null, fingerprint };
    const events = [approvalEvent(approval, { type, at: gateway.clock.now(), actor: 'holdfast', data })];
    return {
      id,
      revision,
      from: state,
      to: pending ? 'withdrawn' : 'lapsed',
      patch: { note: GRANT_REVOKED },
      events,
    } as const;
  });
  if (end.kind === 'committed') gateway.announcer.announce(end.approval);
}
