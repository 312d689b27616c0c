import { type JsonObject, member } from '../../domain/json/json.ts';
import type { Home } from './home.ts';

/** Why this person's click does not count, whatever they click. */
export type StrangerReason = 'other_team' | 'deactivated' | 'bot' | 'guest' | 'stranger' | 'unknown_person';

export type PersonStanding =
  | { readonly kind: 'colleague' }
  | { readonly kind: 'refused'; readonly reason: StrangerReason }
  /** Slack did not answer in time: nothing is known, so nothing is allowed. */
  | { readonly kind: 'cannot_tell'; readonly why: string };

/** Judges a user of Slack's `users.info`; null for a full member of our home. */
export function strangerReason(user: JsonObject, home: Home): StrangerReason | null {
  if (user.is_stranger === true) return 'stranger';
  if (user.deleted === true) return 'deactivated';
  if (user.is_bot === true || user.is_workflow_bot === true || user.id === 'USLACKBOT') return 'bot';
  if (user.is_restricted === true || user.is_ultra_restricted === true) return 'guest';
  return belongsTo(user, home) ? null : 'other_team';
}

/**
 * On Grid, `team_id` may be any workspace of the organisation, or the organisation itself. Where the app is everywhere, a
 * person of any of its workspaces belongs.
 */
function belongsTo(user: JsonObject, home: Home): boolean {
  if (!home.everywhere && member(user, 'team_id') === home.team) return true;
  const grid = member(user, 'enterprise_user');
  if (home.enterprise === null || member(grid, 'enterprise_id') !== home.enterprise) return false;
  if (home.everywhere) return true;
  const teams = member(grid, 'teams');
  return Array.isArray(teams) && teams.includes(home.team);
}
