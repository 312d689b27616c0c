import type { Approval } from '../../domain/approval/approval.ts';
import { Unavailable } from '../../ports.ts';
import type { People } from './people.ts';

/** Whether enough of those who approved may still approve, by facts at most a minute old. */
export async function stillEligible(
  people: People,
  approval: Approval,
): Promise<{ eligible: boolean; why: string | null }> {
  const votes = approval.decisions.filter((d) => d.choice === 'approve');
  const faults: string[] = [];
  // A vote through the API or the console rests on the admin token, not on Slack.
  for (const { approver, userGroup } of votes.filter((d) => d.via === 'slack')) {
    const standing = await people.standing(approver);
    if (standing.kind === 'cannot_tell') throw new Unavailable('slack', standing.why);
    if (standing.kind === 'refused') faults.push(`${approver} is now ${standing.reason}`);
    else if (userGroup !== null) {
      const groups = await people.groupsOf(approver, [userGroup]);
      if (groups === null) throw new Unavailable('slack', 'Slack did not say who is in the group');
      if (groups.length === 0) faults.push(`${approver} is no longer in ${userGroup}`);
    }
  }
  const remaining = new Set(votes.map((d) => d.approver)).size - faults.length;
  return remaining >= approval.requirement.quorum
    ? { eligible: true, why: null }
    : { eligible: false, why: faults.join('; ') };
}
