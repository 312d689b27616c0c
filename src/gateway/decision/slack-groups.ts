import type { Approval, Approver, Choice } from '../../domain/approval/approval.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import { mayDenyCall } from '../../domain/approval/decide.ts';
import { eligibility } from '../../domain/approval/quorum.ts';
import { mayTakeBack } from '../../domain/approval/take-back.ts';
import { isSlackId } from '../../domain/people/actor.ts';
import { Unavailable } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';

/** What somebody wants to say of an approval. */
type Word = Choice | 'take_back';

/**
 * The approver with those of the approval's user groups that Slack says they are in, where they come by another door than
 * Slack and are known by a Slack id (under `people`): the rota counts for them there too, by facts at most a minute old. Whom
 * Slack calls no colleague is in none. Throws `Unavailable('slack')` where only its answer could tell whether they may say
 * this; whoever may stop a call without any group need not wait for it.
 */
export async function withSlackGroups(
  { cards, clock, rules }: Pick<Gateway, 'cards' | 'clock' | 'rules'>,
  approval: Approval,
  approver: Approver,
  word: Word = 'approve',
): Promise<Approver> {
  if (approver.via === 'slack' || cards === null || !isSlackId(approver.id)) return approver;
  const { requirement } = approval;
  const current = rules.approvers(approval);
  const circles = [requirement, requirement.escalate, current, current.escalate];
  const groups = [...new Set(circles.flatMap((circle) => circle?.userGroups ?? []))];
  if (groups.length === 0) return approver;
  try {
    const facts = await cards.person(approver.id, groups, requirement.places !== undefined);
    return { ...approver, userGroups: 'refused' in facts ? [] : facts.userGroups };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    const alone = { ...approver, userGroups: [] };
    if (!suffices(word, approval, alone, clock.now(), current)) throw error;
    return alone;
  }
}

/** Whether they may say it without any user group. */
function suffices(word: Word, approval: Approval, alone: Approver, now: Date, current: CurrentApprovers): boolean {
  switch (word) {
    case 'approve':
      // With places each right counts, and one that is not known would be lost for good.
      return (
        approval.requirement.places === undefined && eligibility(approval, alone, now, current).kind === 'eligible'
      );
    case 'deny':
      return mayDenyCall(approval, alone, now, current);
    case 'take_back':
      return mayTakeBack(approval, alone, now, current);
    default:
      return word satisfies never;
  }
}
