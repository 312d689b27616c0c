import type { Escalation, Requirement } from '../domain/approval/approval.ts';
import { type Circle, standInsOf } from '../domain/approval/circle.ts';
import { isQuiet, type QuietHours } from '../domain/policy/quiet.ts';
import type { Ask } from '../domain/policy/verdict.ts';
import type { Config } from './config.ts';
import { personAt } from './people.ts';

/** The people behind a list of group names. */
type NamedCircle = Circle & Pick<Requirement, 'groups'>;

/**
 * Resolves what a policy asks for into people: the policy's groups, else the config's `approval.approvers`, else all
 * groups. In quiet hours their group instead of those. A group that the config no longer has adds nobody. `at`: when it is
 * asked; null: at an hour that is not quiet.
 */
export function resolveRequirement(config: Config, ask: Ask, at: Date | null = null): Requirement {
  const hours = at === null ? null : quietHoursOf(config, ask);
  const quiet = hours !== null && at !== null && isQuiet(hours, at) ? hours : null;
  const asked = circleOf(config, quiet === null ? groupsAsked(config, ask) : [quiet.group]);
  const placed = ask.places?.map(({ group }) => group) ?? null;
  const escalate =
    ask.escalate === null ? null : escalationTo(config, ask.escalate.to, { afterMs: ask.escalate.afterMs, placed });
  const standIns = standInsOf([asked, escalate]).flatMap((each) => [each.for, each.by]);
  const names = namesOf(config, [...asked.people, ...(escalate?.people ?? []), ...standIns]);
  return {
    ...asked,
    quorum: ask.quorum,
    ...(ask.places ? { places: ask.places.map((place) => ({ ...place, ...groupPlace(config, place.group) })) } : {}),
    denyReason: ask.denyReason,
    remindMs: ask.remindMs,
    escalate,
    ...(quiet === null ? {} : { quiet: { ...quiet, insteadOf: groupsAsked(config, ask) } }),
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

/** The groups whose people a policy asks: its own, else the config's default, else all. */
export function groupsAsked(
  config: Pick<Config, 'approval' | 'approvers'>,
  ask: Pick<Ask, 'approvers'>,
): readonly string[] {
  return ask.approvers ?? config.approval.approvers ?? [...config.approvers.keys()];
}

/**
 * The hours in which another group is asked: the policy's, else the config's; null: there are none. Where groups have places
 * there are none either: people of another group could fill none of them.
 */
export function quietHoursOf(
  { approval }: { readonly approval: Pick<Config['approval'], 'quiet'> },
  { quiet, places }: Pick<Ask, 'places' | 'quiet'>,
): QuietHours | null {
  if (places) return null;
  const hours = quiet ?? approval.quiet ?? null;
  return hours === 'none' ? null : hours;
}

/** What is asked in quiet hours, whenever that is; null: the same as at any other hour. */
export function quietRequirement(config: Config, ask: Ask): Requirement | null {
  const hours = quietHoursOf(config, ask);
  return hours === null ? null : { ...resolveRequirement(config, ask), ...circleOf(config, [hours.group]) };
}

type Groups = Pick<Config, 'approvers' | 'standIns'>;

/** `placed`: the groups that have places, whose people fill no others by an escalation; null: none has. */
export function escalationTo(
  config: Groups,
  to: readonly string[],
  { afterMs, placed }: { readonly afterMs: number; readonly placed: readonly string[] | null },
): Escalation {
  const { groups: _, ...others } = circleOf(
    config,
    to.filter((group) => !placed?.includes(group)),
  );
  return { afterMs, ...circleOf(config, to), ...(placed === null ? {} : { anyPlace: others }) };
}

/** The people of one group, who fill its places. */
export function groupPlace(config: Groups, group: string): Circle & { readonly group: string } {
  const { groups: _, ...circle } = circleOf(config, [group]);
  return { group, ...circle };
}

/** The people behind these groups, and who stands in for them; a group that the config no longer has adds nobody. */
export function circleOf({ approvers, standIns = [] }: Groups, names: readonly string[]): NamedCircle {
  const groups = names.map((name) => approvers.get(name)).filter((group) => group !== undefined);
  const substitutes = standIns.filter(({ group }) => names.includes(group));
  return {
    groups: names,
    people: [...new Set(groups.flatMap((group) => group.people))],
    userGroups: [...new Set(groups.flatMap((group) => group.userGroups))],
    admin: groups.some((group) => group.admin),
    ...(substitutes.length === 0 ? {} : { standIns: substitutes }),
  };
}
