import type { Escalation, Requirement } from '../domain/approval/approval.ts';
import type { Ask } from '../domain/policy/verdict.ts';
import type { ApproverGroup, Config } from './config.ts';

/** The people behind a list of group names. */
type Circle = Pick<Requirement, 'groups' | 'people' | 'userGroups' | 'admin'>;

/**
 * Resolves what a policy asks for into people: the policy's groups, else the config's `approval.approvers`, else all
 * groups. A group that the config no longer has adds nobody.
 */
export function resolveRequirement(config: Config, ask: Ask): Requirement {
  const names = ask.approvers ?? config.approval.approvers ?? [...config.approvers.keys()];
  return {
    ...circle(config.approvers, names),
    quorum: ask.quorum,
    denyReason: ask.denyReason,
    remindMs: ask.remindMs,
    escalate: ask.escalate === null ? null : escalation(config.approvers, ask.escalate),
  };
}

/** How many milliseconds an approval stays open. */
export function timeoutOf(config: Config, ask: Ask): number {
  return ask.timeoutMs ?? config.approval.timeoutMs;
}

/** How many distinct people could approve; null when a user group leaves that open. */
export function headcount(requirement: Requirement): number | null {
  const circles = [requirement, ...(requirement.escalate === null ? [] : [requirement.escalate])];
  if (circles.some(({ userGroups }) => userGroups.length > 0)) return null;
  return new Set(circles.flatMap(({ people, admin }) => [...people, ...(admin ? ['admin'] : [])])).size;
}

function escalation(groups: Config['approvers'], ask: NonNullable<Ask['escalate']>): Escalation {
  return { afterMs: ask.afterMs, ...circle(groups, ask.to) };
}

function circle(known: ReadonlyMap<string, ApproverGroup>, names: readonly string[]): Circle {
  const groups = names.map((name) => known.get(name)).filter((group) => group !== undefined);
  return {
    groups: names,
    people: [...new Set(groups.flatMap((group) => group.people))],
    userGroups: [...new Set(groups.flatMap((group) => group.userGroups))],
    admin: groups.some((group) => group.admin),
  };
}
