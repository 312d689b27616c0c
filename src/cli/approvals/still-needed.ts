import { missingText } from '../../domain/approval/tally.ts';
import type { ListedApproval } from './listed-approval.ts';

/** Where one vote was not enough, how many there are. */
export function stillNeeded({ state, requirement, decisions }: ListedApproval): string {
  if (state !== 'pending' || requirement === undefined) return '';
  const voted = decisions.filter(({ decision }) => decision === 'approve').length;
  const { missing = [], missingOrOf = [] } = requirement;
  const lacking = missingText({ missing, orOf: missingOrOf });
  return lacking === '' ? ` ${voted} of ${requirement.quorum} have approved.` : ` ${lacking}.`;
}
