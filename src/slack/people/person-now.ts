import { Unavailable } from '../../ports.ts';
import type { People } from './people.ts';

/**
 * Who this person is to Slack, by facts at most a minute old: the user groups of these that they are in, or why they are
 * no colleague any more. Throws `Unavailable` when Slack does not say.
 */
export async function personNow(
  people: People,
  user: string,
  groups: readonly string[],
  each = false,
): Promise<{ readonly userGroups: readonly string[] } | { readonly refused: string }> {
  const [standing, found] = await Promise.all([people.standing(user), people.groupsOf(user, groups, each)]);
  if (standing.kind === 'cannot_tell') throw new Unavailable('slack', standing.why);
  if (standing.kind === 'refused') return { refused: standing.reason };
  if (found === null) throw new Unavailable('slack', 'Slack did not say who is in the group');
  return { userGroups: found };
}
