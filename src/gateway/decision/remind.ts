import type { Approval } from '../../domain/approval/approval.ts';
import { escalateAt, remindAt } from '../../domain/approval/reminder.ts';
import { approvalEvent, type NewEvent } from '../../domain/log/event.ts';
import type { Change } from '../../ports.ts';
import { changeApproval } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';

/**
 * Reminds the approvers of a pending approval and escalates it to further groups, each once over all replicas and
 * restarts. Both are a compare-and-swap with its event, and the card shows them like any other change: late while Slack
 * is away, and never twice. Who may decide depends on the clock alone, not on this.
 */
export async function remind(gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>, found: Approval): Promise<void> {
  const end = await changeApproval(gateway.store, found, (approval) => reminderChange(approval, gateway.clock.now()));
  if (end.kind === 'committed') gateway.announcer.announce(end.approval);
}

function reminderChange(approval: Approval, now: Date): Change | null {
  if (approval.state !== 'pending' || now >= approval.expiresAt) return null;
  const { requirement } = approval;
  const escalatesAt = escalateAt(approval);
  const escalated = approval.escalatedAt === null && escalatesAt !== null && now >= escalatesAt;
  const reminded = approval.remindedAt === null && now >= remindAt(approval);
  if (!escalated && !reminded) return null;
  const eventOf = (type: 'approval.reminded' | 'approval.escalated', groups: readonly string[]): NewEvent =>
    approvalEvent(approval, {
      type,
      at: now,
      actor: 'holdfast',
      data: { approvers: [...groups], fingerprint: approval.fingerprint },
    });
  return {
    id: approval.id,
    revision: approval.revision,
    from: 'pending',
    to: 'pending',
    patch: { ...(reminded ? { remindedAt: now } : {}), ...(escalated ? { escalatedAt: now } : {}) },
    events: [
      ...(reminded ? [eventOf('approval.reminded', requirement.groups)] : []),
      ...(escalated ? [eventOf('approval.escalated', requirement.escalate?.groups ?? [])] : []),
    ],
  };
}
