import type { Approval, Requirement } from '../domain/approval/approval.ts';
import type { Circle } from '../domain/approval/circle.ts';
import { ADMIN, type AdminToken, type CurrentApprovers, type Persons, personOf } from '../domain/approval/current.ts';
import { fillPlaces } from '../domain/approval/places.ts';
import { grantNameOf, markOf } from '../domain/people/principal.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { askFor } from '../domain/policy/rule.ts';
import type { Ask } from '../domain/policy/verdict.ts';
import { ownerOfAccount } from './account-owner.ts';
import type { Config } from './config.ts';
import { circleOf, escalationTo, groupPlace, groupsAsked, quietHoursOf } from './requirement.ts';

/** The humans that a config knows, by each of their ways. `adminToken`: whether one is set. */
export function personsOf({ people, approval }: Pick<Config, 'approval' | 'people'>, adminToken: boolean): Persons {
  const names = new Map<string, string>();
  const barred = new Set<string>();
  for (const person of people?.values() ?? []) {
    if (person.slack !== null) names.set(person.slack, person.name);
    if (person.login !== null) names.set(person.login, person.name);
    if (person.adminToken) names.set('admin', person.name);
    if (!person.roles.has('approver')) barred.add(person.name);
  }
  if (approval.adminIsAnotherPerson) names.set('admin', 'admin');
  return { names, barred, adminToken: adminToken ? holderOf(names, people !== null) : 'closed' };
}

function holderOf(names: ReadonlyMap<string, string>, peopleAreKnown: boolean): AdminToken {
  if (names.has('admin')) return 'a person';
  return peopleAreKnown ? 'nobody' : 'somebody';
}

/**
 * Who may decide this approval by today's configuration: the approvers of the policy's rule for its tool. Where its
 * server has no policy any more, those of the groups that were frozen with it. What was asked in quiet hours is asked of
 * their group of today too, at any hour.
 */
export function currentApprovers(
  config: Config,
  policy: Policy | null,
  persons: Persons,
  { tool, grant, requirement }: Pick<Approval, 'grant' | 'requirement' | 'tool'>,
): CurrentApprovers {
  const ask = policy === null ? null : askFor(policy, tool);
  const groups = ask === null ? requirement.groups : groupsToday(config, ask, requirement);
  const to = ask === null ? (requirement.escalate?.groups ?? null) : (ask.escalate?.to ?? null);
  const afterMs = (ask === null ? requirement.escalate : ask.escalate)?.afterMs ?? 0;
  const placed = requirement.places?.map(({ group }) => group) ?? null;
  const owning = config.grants.find(({ name }) => name === grantNameOf(grant));
  return {
    ...circleOf(config, groups),
    escalate: to === null ? null : escalationTo(config, to, { afterMs, placed }),
    ...(placed === null ? {} : { places: placed.map((group) => placeToday(config, groups, group)) }),
    // Whose account called is frozen with the call, and whose it is now may not approve it either; the owner of the grant's
    // own token is somebody else.
    owner: markOf(grant) === null ? (owning?.owner ?? null) : ownerOfAccount(config, grant),
    selfApproval: owning?.selfApproval ?? false,
    persons,
  };
}

function groupsToday(config: Config, ask: Ask, { quiet }: Pick<Requirement, 'quiet'>): readonly string[] {
  const usual = groupsAsked(config, ask);
  const hours = quiet === undefined ? null : quietHoursOf(config, ask);
  return hours === null ? usual : [...new Set([...usual, hours.group])];
}

/** Today's people of a group that had places; nobody, if its people are no approvers of the call any more. */
function placeToday(config: Config, groups: readonly string[], group: string): Circle & { readonly group: string } {
  return groups.includes(group) ? groupPlace(config, group) : { group, ...NOBODY };
}

const NOBODY: Circle = { people: [], userGroups: [], admin: false };

/**
 * How many people could approve: one for all the ways of a person, and none for the admin token where it may be anybody's
 * and others could. Where groups have places: how many of these could be filled, those of a user group in any case. null: a
 * user group leaves it open. `without`: the owner of the calling grant, who may not.
 */
export function peopleWhoMay(requirement: Requirement, persons: Persons, without: string | null = null): number | null {
  const { places, escalate } = requirement;
  const owner = without === null ? null : personOf(persons, without);
  const further = places === undefined ? escalate : (escalate?.anyPlace ?? null);
  const own = places ?? [{ group: null, count: Number.POSITIVE_INFINITY, ...requirement }];
  if (further !== null && further.userGroups.length > 0) return places === undefined ? null : requirement.quorum;
  const closed = own.filter(({ userGroups }) => userGroups.length === 0);
  if (places === undefined && closed.length === 0) return null;
  const open = own.filter((place) => !closed.includes(place)).reduce((total, { count }) => total + count, 0);
  const anywhere = further === null ? [] : [{ ...further, group: null }];
  const voters = [...closed, ...anywhere].flatMap((circle) =>
    membersOf(circle, persons)
      .filter((person) => person !== owner)
      .map((person) => ({ person, claims: [{ group: circle.group, seat: person }] })),
  );
  if (voters.length === 0 && persons.adminToken === 'somebody' && [...own, ...anywhere].some(({ admin }) => admin))
    return open > 0 ? open : Math.min(requirement.quorum, 1);
  return open + fillPlaces(closed, voters).reduce((total, each) => total + each, 0);
}

/** The people of a circle by name; the admin token is one of them where it is a person's. */
function membersOf({ people, admin }: Circle, persons: Persons): string[] {
  const holder = admin && persons.adminToken === 'a person' ? [personOf(persons, ADMIN)] : [];
  return [...people.map((id) => personOf(persons, id)), ...holder];
}
