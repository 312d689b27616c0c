import type { Approval, Requirement } from '../domain/approval/approval.ts';
import { ADMIN, type AdminToken, type CurrentApprovers, type Persons, personOf } from '../domain/approval/current.ts';
import { grantNameOf, markOf } from '../domain/people/principal.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { askFor } from '../domain/policy/rule.ts';
import type { Config } from './config.ts';
import { circleOf, resolveRequirement } from './requirement.ts';

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
 * server has no policy any more, those of the groups that were frozen with it.
 */
export function currentApprovers(
  config: Config,
  policy: Policy | null,
  persons: Persons,
  { tool, grant, requirement }: Pick<Approval, 'grant' | 'requirement' | 'tool'>,
): CurrentApprovers {
  const asked = policy === null ? null : resolveRequirement(config, askFor(policy, tool));
  const owning = config.grants.find(({ name }) => name === grantNameOf(grant));
  return {
    ...(asked ?? circleOf(config.approvers, requirement.groups)),
    escalate: asked === null ? frozenEscalation(config, requirement) : asked.escalate,
    // Whose account called is frozen with the call; the owner of the grant's own token is somebody else.
    owner: markOf(grant) === null ? (owning?.owner ?? null) : null,
    selfApproval: owning?.selfApproval ?? false,
    persons,
  };
}

function frozenEscalation({ approvers }: Config, { escalate }: Approval['requirement']): CurrentApprovers['escalate'] {
  return escalate === null ? null : { afterMs: escalate.afterMs, ...circleOf(approvers, escalate.groups) };
}

/**
 * How many people could approve: one for all the ways of a person, and none for the admin token where it may be anybody's
 * and others could. null: a user group leaves it open. `without`: the owner of the calling grant, who may not.
 */
export function peopleWhoMay(requirement: Requirement, persons: Persons, without: string | null = null): number | null {
  const circles = [requirement, ...(requirement.escalate === null ? [] : [requirement.escalate])];
  if (circles.some(({ userGroups }) => userGroups.length > 0)) return null;
  const owner = without === null ? null : personOf(persons, without);
  const known = new Set(circles.flatMap(({ people }) => people.map((id) => personOf(persons, id))));
  const token = circles.some(({ admin }) => admin) ? persons.adminToken : 'nobody';
  if (token === 'a person') known.add(personOf(persons, ADMIN));
  if (owner !== null) known.delete(owner);
  return known.size === 0 && token === 'somebody' ? 1 : known.size;
}
