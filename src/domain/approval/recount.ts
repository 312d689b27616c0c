import type { Approval, Decision } from './approval.ts';
import type { Right } from './circle.ts';
import { ADMIN, type CurrentApprovers, type Persons } from './current.ts';
import { eligibility } from './quorum.ts';
import { isSame } from './rights.ts';
import { type MissingPeople, tallyToday } from './tally.ts';
import { signatureFault } from './vote-signature.ts';

/** What is known now of a person who voted: the user groups they are in, or why they are no colleague any more. */
export type VoterFacts = { readonly userGroups: readonly string[] } | { readonly refused: string };

export interface Recount {
  /** The approvals that still count. */
  readonly standing: readonly Decision[];
  /** How many people they are; where groups have places, how many of these they fill. */
  readonly people: number;
  /** Who is missing; empty: the call may run. */
  readonly missing: readonly MissingPeople[];
  /** Why each of the others does not count, for people. */
  readonly faults: readonly string[];
  /** Why that cannot be known of some of them, because signatures cannot be checked now; null: it is known. */
  readonly unknown: string | null;
}

/**
 * Counts an approval's votes again, by its frozen requirement and today's configuration. `factsOf`: what is known of a
 * voter; null: nothing new, so the user group that the vote rested on is taken as it was.
 *
 * | vote | counts |
 * |---|---|
 * | admitted then and today | yes |
 * | admitted then, today by neither name nor user group | no |
 * | through a user group that the person has left | no, unless they are named or in another, then and today |
 * | by the admin token, which is gone, or is nobody's since people are known | no |
 * | in the place of another, whose stand-in then is over by now, or is no longer in the file | no |
 * | in the place of the calling grant's owner, then or today | only while both allow `self_approval` |
 * | by the calling grant's owner, then or today | only while both allow `self_approval` |
 * | by members of one group for the place of another | no |
 * | by two ways of one person | once |
 * | without a signature that counts, where the requirement has a step-up | no |
 */
export function recount(
  approval: Approval,
  current: CurrentApprovers,
  now: Date,
  factsOf: (decision: Decision) => VoterFacts | null = () => null,
): Recount {
  const standing: Decision[] = [];
  const faults: string[] = [];
  let unknown: string | null = null;
  for (const vote of approval.decisions.filter((d) => d.choice === 'approve')) {
    const unsigned = signatureFault(approval, vote, current);
    if (unsigned?.kind === 'unknown') unknown = unsigned.why;
    const held = standingOf(approval, vote, current, now, factsOf(vote));
    const found = typeof held === 'string' ? held : (unsigned?.why ?? held);
    if (typeof found !== 'string') standing.push(found);
    else faults.push(found);
  }
  const { people, missing } = tallyToday({ ...approval, decisions: standing }, current.persons);
  return { standing, people, missing, faults, unknown };
}

/** The vote with those of its rights that still hold, or why it does not count. */
function standingOf(
  approval: Approval,
  vote: Decision,
  current: CurrentApprovers,
  now: Date,
  facts: VoterFacts | null,
): Decision | string {
  const { approver, via, userGroup, at } = vote;
  if (facts !== null && 'refused' in facts) return `${approver} is now ${facts.refused}`;
  if (approver === ADMIN && current.persons.adminToken === 'closed')
    return 'the admin token, which voted, is no longer set';
  if (approver === ADMIN && current.persons.adminToken === 'nobody') return 'the admin token may no longer vote';
  const userGroups = facts?.userGroups ?? userGroupsOf(vote);
  const found = eligibility(approval, { id: approver, via, userGroups }, now, current, at);
  if (found.kind === 'eligible') {
    const rights = stillHeld(vote, found.rights, current.persons);
    if (rights === undefined) return vote;
    return rights.length > 0 ? { ...vote, rights } : `${approver} no longer fills the place that the vote was for`;
  }
  const inPlaceOf = (vote.rights ?? []).find(({ standIn }) => standIn !== null)?.standIn;
  if (inPlaceOf && found.reason !== 'own_call') return `${approver} no longer stands in for ${inPlaceOf.for}`;
  switch (found.reason) {
    case 'not_an_approver':
      return userGroup === null ? `${approver} was not an approver` : `${approver} is no longer in ${userGroup}`;
    case 'removed':
      return `${approver} is no longer among the approvers in the configuration`;
    case 'own_call':
      return `${approver} owns the calling agent`;
    case 'no_place':
      return `no place is of a group of ${approver}`;
    case 'stands_in_for_owner':
      return `${approver} stands in for the owner of the calling agent`;
    default:
      return found.reason satisfies never;
  }
}

/** The user groups on which a vote rests; none: its person is named. */
export function userGroupsOf({ userGroup, rights = [] }: Pick<Decision, 'rights' | 'userGroup'>): readonly string[] {
  const all = [userGroup, ...rights.map((right) => right.userGroup)];
  return [...new Set(all.filter((group) => group !== null))];
}

/** Of the rights that a vote recorded, those that it still has; undefined: it recorded none, because none was needed. */
function stillHeld(
  { rights }: Pick<Decision, 'rights'>,
  held: readonly Right[],
  persons: Persons,
): readonly Right[] | undefined {
  const holds = ({ group, standIn }: Right): boolean =>
    held.some((each) => {
      if (each.group !== group || (each.standIn === null) !== (standIn === null)) return false;
      return standIn === null || isSame(persons, each.standIn!.for, standIn.for);
    });
  return rights?.filter(holds);
}
