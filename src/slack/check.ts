import { isObject, type Json, type JsonObject, member } from '../domain/json.ts';
import type { SlackApi, SlackFailure } from './api.ts';
import { sharedOutside } from './channels.ts';
import { OPTIONAL_SCOPES, SCOPES } from './manifest.ts';

/** What is wrong with the set-up, and what to do about it. */
export interface Fault {
  /** `fatal`: approvals cannot be decided in Slack. `weak`: something works less well. */
  readonly severity: 'fatal' | 'weak';
  readonly what: string;
  readonly remedy: string;
}

export interface SlackSetup {
  readonly channel: string;
  /** Further channels that cards may go to. */
  readonly channels?: readonly string[] | undefined;
  /** User groups that the approvers' groups name (S…). */
  readonly userGroups: readonly string[];
  /** People that the approvers' groups name (U…). */
  readonly people?: readonly string[] | undefined;
  /** The workspace the config names. */
  readonly team?: string | undefined;
}

/** Looks at everything a click will need. No faults: an approval can be shown and decided. Changes nothing in Slack. */
export async function checkSlack(api: SlackApi, setup: SlackSetup): Promise<Fault[]> {
  const who = await api.call('auth.test', {});
  if (!who.ok) return [tokenFault(who.failure)];
  const faults = [...teamFaults(who.body, setup.team), ...scopeFaults(who.scopes)];
  for (const channel of new Set([setup.channel, ...(setup.channels ?? [])])) {
    faults.push(...(await channelFaults(api, channel)));
  }
  for (const group of new Set(setup.userGroups)) faults.push(...(await groupFaults(api, group)));
  for (const user of new Set(setup.people ?? [])) faults.push(...(await personFaults(api, user)));
  return faults;
}

const fatal = (what: string, remedy: string): Fault => ({ severity: 'fatal', what, remedy });
const weak = (what: string, remedy: string): Fault => ({ severity: 'weak', what, remedy });

function tokenFault({ code, passing }: SlackFailure): Fault {
  if (code === 'not_reached' || code === 'no_answer' || code.startsWith('http_')) {
    return fatal(`Slack does not answer (${code})`, 'Check the network, a proxy, and SLACK_API_URL if it is set.');
  }
  const remedy = passing
    ? 'Copy the "Bot User OAuth Token" (xoxb-…) from "OAuth & Permissions" of the app into SLACK_BOT_TOKEN.'
    : 'Install the app to the workspace again and copy its bot token into SLACK_BOT_TOKEN.';
  return fatal(`Slack refuses SLACK_BOT_TOKEN (${code})`, remedy);
}

function teamFaults(who: JsonObject, team: string | undefined): Fault[] {
  const actual = member(who, 'team_id');
  if (team === undefined || actual === team) return [];
  return [
    fatal(
      `the token is for workspace ${String(actual)}, the config says ${team}`,
      'Set slack.team to the one you mean.',
    ),
  ];
}

function scopeFaults(scopes: readonly string[] | null): Fault[] {
  if (scopes === null) return [weak('Slack did not say which scopes the token has', 'Compare them with the manifest.')];
  const missing = (wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).filter(([s]) => !scopes.includes(s));
  const remedy = (scope: string) =>
    `Add ${scope} under "OAuth & Permissions" → "Bot Token Scopes" and install the app again.`;
  return [
    ...missing(SCOPES).map(([scope, use]) => fatal(`the scope ${scope} is missing, needed to ${use}`, remedy(scope))),
    ...missing(OPTIONAL_SCOPES).map(([scope, use]) =>
      weak(`without the scope ${scope} we cannot ${use}`, remedy(scope)),
    ),
  ];
}

async function channelFaults(api: SlackApi, channel: string): Promise<Fault[]> {
  if (!/^[CGD][A-Z0-9]{2,}$/.test(channel)) {
    return [fatal(`${channel} is no channel id`, 'Copy the id (C…) from the bottom of the channel’s "About" tab.')];
  }
  const answer = await api.call('conversations.info', { channel });
  if (!answer.ok) {
    const { code } = answer.failure;
    if (code === 'channel_not_found') {
      return [
        fatal(
          `there is no channel ${channel}, or it is private and the app is not in it`,
          `Check the id, and /invite the app there.`,
        ),
      ];
    }
    return [
      fatal(`Slack does not show channel ${channel} (${code})`, 'Repair what the other faults name, then check again.'),
    ];
  }
  const info = isObject(member(answer.body, 'channel')) ? (member(answer.body, 'channel') as JsonObject) : {};
  const faults: Fault[] = [];
  if (sharedOutside(info)) {
    faults.push(
      fatal(
        `channel ${channel} is shared with another organisation`,
        'Use a channel of your own workspace: cards show arguments of calls.',
      ),
    );
  }
  if (info.is_archived === true)
    faults.push(fatal(`channel ${channel} is archived`, 'Unarchive it or use another one.'));
  if (info.is_member === false)
    faults.push(fatal(`the app is not in channel ${channel}`, 'Type /invite @holdfast in that channel.'));
  return faults;
}

async function groupFaults(api: SlackApi, group: string): Promise<Fault[]> {
  const answer = await api.call('usergroups.users.list', { usergroup: group });
  if (answer.ok) {
    const users = member(answer.body, 'users') as Json | undefined;
    if (Array.isArray(users) && users.length > 0) return [];
    return [fatal(`the user group ${group} is empty: nobody in it can approve`, 'Add people to it in Slack.')];
  }
  const { code } = answer.failure;
  if (code === 'plan_upgrade_required') {
    return [fatal(`user groups need a paid Slack plan (${group})`, 'Name the people one by one under approvers.')];
  }
  if (code === 'no_such_subteam' || code === 'subteam_not_found') {
    return [
      fatal(
        `there is no user group ${group}, or it is disabled`,
        'Copy its id (S…) from the group’s "…" menu in Slack.',
      ),
    ];
  }
  return [
    fatal(`Slack does not say who is in ${group} (${code})`, 'Repair what the other faults name, then check again.'),
  ];
}

async function personFaults(api: SlackApi, user: string): Promise<Fault[]> {
  const answer = await api.call('users.info', { user });
  if (!answer.ok) {
    const remedy = 'Copy the member id (U…) from the person’s profile in Slack.';
    return answer.failure.code === 'user_not_found' ? [weak(`there is no person ${user}`, remedy)] : [];
  }
  const info = member(answer.body, 'user');
  const flags = ['deleted', 'is_bot', 'is_restricted', 'is_ultra_restricted', 'is_stranger'];
  const raised = flags.filter((flag) => member(info, flag) === true);
  if (raised.length === 0) return [];
  return [
    weak(
      `${user} can never approve: ${raised.join(', ')}`,
      'Name a full member of the workspace under approvers instead.',
    ),
  ];
}
