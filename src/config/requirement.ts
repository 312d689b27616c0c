import type { Circle, Escalation, Requirement } from '../domain/approval/approval.ts';
import type { Ask } from '../domain/policy/verdict.ts';
import type { ApproverGroup, Config } from './config.ts';
import { personAt } from './people.ts';

/** The people behind a list of group names. */
type NamedCircle = Circle & Pick<Requirement, 'groups'>;

/**
 * Resolves what a policy asks for into people: the policy's groups, else the config's `approval.approvers`, else all
 * groups. A group that the config no longer has adds nobody.
 */
export function resolveRequirement(config: Config, ask: Ask): Requirement {
  const asked = circleOf(config.approvers, ask.approvers ?? config.approval.approvers ?? [...config.approvers.keys()]);
  const escalate = ask.escalate === null ? null : escalation(config.approvers, ask.escalate);
  const names = namesOf(config, [...asked.people, ...(escalate?.people ?? [])]);
  return {
    ...asked,
    quorum: ask.quorum,
    denyReason: ask.denyReason,
    remindMs: ask.remindMs,
    escalate,
    ...(names === null ? {} : { names }),
  };
}

/** The names under `people` of those who are known there, by id; null: none is. */
function namesOf({ people }: Pick<Config, 'people'>, ids: readonly string[]): Record<string, string> | null {
  const known = ids.flatMap((id): [string, string][] => {
    const person = personAt(people, id);
    return person === null ? [] : [[id, person.name]];
  });
  return known.length === 0 ? null : Object.fromEntries(known);
}

/** How many milliseconds an approval stays open. */
export function timeoutOf(config: Config, ask: Ask): number {
  return ask.timeoutMs ?? config.approval.timeoutMs;
}

/** How many could approve, as they stand in the file; null when a user group leaves that open. */
export function headcount(requirement: Requirement): number | null {
  const circles = [requirement, ...(requirement.escalate === null ? [] : [requirement.escalate])];
  if (circles.some(({ userGroups }) => userGroups.length > 0)) return null;
  return new Set(circles.flatMap(({ people, admin }) => [...people, ...(admin ? ['admin'] : [])])).size;
}

function escalation(groups: Config['approvers'], ask: NonNullable<Ask['escalate']>): Escalation {
  return { afterMs: ask.afterMs, ...circleOf(groups, ask.to) };
}

/** The people behind these groups; a group that the config no longer has adds nobody. */
export function circleOf(known: ReadonlyMap<string, ApproverGroup>, names: readonly string[]): NamedCircle {
  const groups = names.map((name) => known.get(name)).filter((group) => group !== undefined);
  return {
    groups: names,
    people: [...new Set(groups.flatMap((group) => group.people))],
    userGroups: [...new Set(groups.flatMap((group) => group.userGroups))],
    admin: groups.some((group) => group.admin),
  };
}
