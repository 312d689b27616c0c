import type { Approval, Approver } from '../../domain/approval/approval.ts';
import { eligibility } from '../../domain/approval/quorum.ts';
import { isSlackId } from '../../domain/people/actor.ts';
import { Unavailable } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';

/**
 * The approver with those of the approval's user groups that Slack says they are in, where they come by another door than
 * Slack and are known by a Slack id (under `people`): the rota counts for them there too, by facts at most a minute old. Whom
 * Slack calls no colleague is in none. Throws `Unavailable('slack')` where only its answer could tell whether they may decide.
 */
export async function withSlackGroups(
  { cards, clock, rules }: Pick<Gateway, 'cards' | 'clock' | 'rules'>,
  approval: Approval,
  approver: Approver,
): Promise<Approver> {
  if (approver.via === 'slack' || cards === null || !isSlackId(approver.id)) return approver;
  const { requirement } = approval;
  const current = rules.approvers(approval);
  const circles = [requirement, requirement.escalate, current, current.escalate];
  const groups = [...new Set(circles.flatMap((circle) => circle?.userGroups ?? []))];
  if (groups.length === 0) return approver;
  const hasPlaces = requirement.places !== undefined;
  try {
    const facts = await cards.person(approver.id, groups, hasPlaces);
    return { ...approver, userGroups: 'refused' in facts ? [] : facts.userGroups };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    const alone = { ...approver, userGroups: [] };
    // With places each right counts, and one that is not known would be lost for good.
    if (hasPlaces || eligibility(approval, alone, clock.now(), current).kind === 'refused') throw error;
    return alone;
  }
}
