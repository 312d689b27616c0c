import type { Approval } from '../../domain/approval/approval.ts';
import { escalateAt, remindAt } from '../../domain/approval/reminder.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { Change } from '../../ports.ts';
import { changeApproval } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';

/**
 * What silence does to a pending approval, each once over all replicas and restarts: its approvers are reminded, and
 * further ones are asked. It is kept by compare-and-swap with its event and told by the card like any other change, so
 * it is late when Slack is away, and never said twice. Who may decide is told by the clock alone, not by this.
 */
export async function remind(gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>, found: Approval): Promise<void> {
  const end = await changeApproval(gateway.store, found, (approval) => whatSilenceDoes(approval, gateway.clock.now()));
  if (end.kind === 'committed') gateway.announcer.tell(end.approval);
}

function whatSilenceDoes(approval: Approval, now: Date): Change | null {
  if (approval.state !== 'pending' || now >= approval.expiresAt) return null;
  const { requirement } = approval;
  const from = escalateAt(approval);
  const escalated = approval.escalatedAt === null && from !== null && now >= from;
  const reminded = approval.remindedAt === null && now >= remindAt(approval);
  if (!escalated && !reminded) return null;
  const say = (type: 'approval.reminded' | 'approval.escalated', groups: readonly string[]): NewEvent =>
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
      ...(reminded ? [say('approval.reminded', requirement.groups)] : []),
      ...(escalated ? [say('approval.escalated', requirement.escalate?.groups ?? [])] : []),
    ],
  };
}
