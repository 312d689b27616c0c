import type { Approval, Decision } from '../../domain/approval/approval.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import { recount, userGroupsOf, type VoterFacts } from '../../domain/approval/recount.ts';
import { missingText } from '../../domain/approval/tally.ts';
import { type Cards, Unavailable } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';

/** Why a pass is not spent. `lapse`: its votes no longer make up the quorum. `unsure`: that cannot be known now. */
export type Objection =
  | { readonly kind: 'lapse'; readonly why: string }
  | { readonly kind: 'unsure'; readonly why: string };

export const SLACK_OFF = 'Slack is switched off here, and a vote was given there';

/**
 * Counts the votes of a pass again, by its frozen requirement, by today's configuration and by what Slack says now of
 * those who voted there. Null: nothing stops the call. What cannot be asked fails closed: without Slack, or without its
 * answer, the pass stays and waits, unless even with every such vote the quorum is not reached.
 */
export async function recheckApprovers(
  { cards, clock, rules }: Pick<Gateway, 'cards' | 'clock' | 'rules'>,
  approval: Approval,
): Promise<Objection | null> {
  const current = rules.approvers(approval);
  const { unknown } = recount(approval, current, clock.now());
  if (unknown !== null) return { kind: 'unsure', why: unknown };
  const doubtless = lapseOf(approval, current, clock.now());
  const voters = approval.decisions.filter(inSlack);
  if (voters.length === 0) return doubtless;
  const named = voters.every((vote) => userGroupsOf(vote).length === 0);
  if (cards === null) return named && doubtless !== null ? doubtless : { kind: 'unsure', why: SLACK_OFF };
  try {
    const facts = await factsOf(cards, approval, current, clock.now());
    return lapseOf(approval, rules.approvers(approval), clock.now(), (vote) => facts.get(vote.approver) ?? null);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return named && doubtless !== null ? doubtless : { kind: 'unsure', why: error.message };
  }
}

/** Whether the votes fall short by configuration alone; a vote rests on the user group that it rested on when given. */
export function lapseOf(
  approval: Approval,
  current: CurrentApprovers,
  now: Date,
  factsOf?: (vote: Decision) => VoterFacts | null,
): Extract<Objection, { kind: 'lapse' }> | null {
  const { people, missing, faults } = recount(approval, current, now, factsOf);
  if (missing.length === 0) return null;
  const { quorum } = approval.requirement;
  const lacking = missingText({ missing, orOf: [] });
  const few = lacking || `its votes are of ${people} of the ${quorum} people it needs`;
  return { kind: 'lapse', why: faults.length > 0 ? faults.join('; ') : few };
}

/** A user group that cannot be looked up does not matter to a person who is named, then and today. */
async function factsOf(
  cards: Cards,
  approval: Approval,
  current: CurrentApprovers,
  now: Date,
): Promise<Map<string, VoterFacts>> {
  const { requirement, decisions } = approval;
  const circles = [requirement, requirement.escalate, current, current.escalate];
  const groups = [...new Set(circles.flatMap((circle) => circle?.userGroups ?? []))];
  const facts = new Map<string, VoterFacts>();
  for (const vote of decisions.filter(inSlack)) {
    const asked = restsOnNames(approval, vote, current, now) ? [] : askedOf(vote, groups);
    facts.set(vote.approver, await cards.person(vote.approver, asked, requirement.places !== undefined));
  }
  return facts;
}

/** Where groups have places, each right counts, so that a vote needs no user group only where it rested on none. */
function restsOnNames(approval: Approval, vote: Decision, current: CurrentApprovers, now: Date): boolean {
  if (approval.requirement.places !== undefined) return userGroupsOf(vote).length === 0;
  return recount({ ...approval, decisions: [vote] }, current, now, () => ({ userGroups: [] })).standing.length > 0;
}

/** A vote that rested on user groups rests on those; no other is asked in their place. */
function askedOf(vote: Decision, groups: readonly string[]): readonly string[] {
  const own = userGroupsOf(vote);
  return own.length === 0 ? groups : groups.filter((group) => own.includes(group));
}

/** Given there, or by another door as one of a user group there. */
function inSlack(vote: Decision): boolean {
  return vote.choice === 'approve' && (vote.via === 'slack' || userGroupsOf(vote).length > 0);
}
