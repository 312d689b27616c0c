import type { Approval } from '../../domain/approval/approval.ts';
import type { LoggedEvent } from '../../domain/log/event.ts';

/** An approval as the API returns it: arguments redacted, times as ISO 8601 in UTC. */
export function approvalJson(approval: Approval) {
  const { requirement } = approval;
  return {
    id: approval.id,
    state: approval.state,
    revision: approval.revision,
    server: approval.server,
    tool: approval.tool,
    grant: approval.grant,
    owner: approval.owner,
    arguments: approval.arguments,
    sent: approval.sent,
    hidden: approval.hidden,
    answersTo: approval.answersTo,
    asked: approval.asked?.text ?? null,
    answers: approval.answers,
    fingerprint: approval.fingerprint,
    requirement: {
      approvers: requirement.groups,
      people: requirement.people,
      userGroups: requirement.userGroups,
      admin: requirement.admin,
      quorum: requirement.quorum,
      denyReason: requirement.denyReason,
      answers: requirement.answers ?? null,
    },
    decisions: approval.decisions.map((d) => ({
      approver: d.approver,
      decision: d.choice,
      reason: d.reason,
      via: d.via,
      at: d.at.toISOString(),
    })),
    rule: approval.trace.rule,
    risk: approval.trace.risk,
    severity: approval.trace.severity,
    reason: approval.trace.reason,
    trace: approval.trace.steps,
    statedReason: approval.statedReason,
    laterReasons: approval.laterReasons,
    previousUnknown: approval.previousUnknown,
    note: approval.note,
    callers: approval.callers,
    createdAt: approval.createdAt.toISOString(),
    expiresAt: approval.expiresAt.toISOString(),
    pickupUntil: approval.pickupUntil?.toISOString() ?? null,
    broken: approval.broken,
    updatedAt: approval.updatedAt.toISOString(),
  };
}

/** An event as the API returns it; its time as ISO 8601 in UTC. */
export function eventJson(event: LoggedEvent) {
  return { ...event, at: event.at.toISOString() };
}
