import type { Approval, Decision } from './approval.ts';
import { ADMIN, type CurrentApprovers } from './current.ts';
import { eligibility, votersCounted } from './quorum.ts';
import { signatureFault } from './vote-signature.ts';

/** What is known now of a person who voted: the user groups they are in, or why they are no colleague any more. */
export type VoterFacts = { readonly userGroups: readonly string[] } | { readonly refused: string };

export interface Recount {
  /** The approvals that still count. */
  readonly standing: readonly Decision[];
  /** How many people they are. */
  readonly people: number;
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
 * | by the calling grant's owner, then or today | only while both allow `self_approval` |
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
    const fault = faultOf(approval, vote, current, now, factsOf(vote)) ?? unsigned?.why ?? null;
    if (fault === null) standing.push(vote);
    else faults.push(fault);
  }
  return { standing, people: votersCounted(standing, current.persons), faults, unknown };
}

function faultOf(
  approval: Approval,
  { approver, via, userGroup, at }: Decision,
  current: CurrentApprovers,
  now: Date,
  facts: VoterFacts | null,
): string | null {
  if (facts !== null && 'refused' in facts) return `${approver} is now ${facts.refused}`;
  if (approver === ADMIN && current.persons.adminToken === 'closed')
    return 'the admin token, which voted, is no longer set';
  if (approver === ADMIN && current.persons.adminToken === 'nobody') return 'the admin token may no longer vote';
  const userGroups = facts?.userGroups ?? (userGroup === null ? [] : [userGroup]);
  const found = eligibility(approval, { id: approver, via, userGroups }, now, current, at);
  if (found.kind === 'eligible') return null;
  switch (found.reason) {
    case 'not_an_approver':
      return userGroup === null ? `${approver} was not an approver` : `${approver} is no longer in ${userGroup}`;
    case 'removed':
      return `${approver} is no longer among the approvers in the configuration`;
    case 'own_call':
      return `${approver} owns the calling agent`;
    default:
      return found.reason satisfies never;
  }
}
