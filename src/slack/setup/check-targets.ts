import { isObject, type JsonObject, member } from '../../domain/json/json.ts';
import { sharedOutside } from '../place/channels.ts';
import type { SlackApi } from '../wire/api.ts';
import { fatal, type SetupFault, unanswered, unclear, weak } from './fault.ts';

/** Whether cards may go to this channel, and whether they can. */
export async function channelFaults(api: SlackApi, channel: string): Promise<SetupFault[]> {
  if (!/^[CGD][A-Z0-9]{2,}$/.test(channel)) {
    return [fatal(`${channel} is no channel id`, 'Copy the id (C…) from the bottom of the channel’s "About" tab.')];
  }
  const answer = await api.call('conversations.info', { channel });
  if (!answer.ok) {
    const { code } = answer.failure;
    if (code === 'channel_not_found') {
      const what = `there is no channel ${channel}, or it is private and the app is not in it`;
      return [fatal(what, 'Check the id, and type /invite @Holdfast in that channel.')];
    }
    return [unanswered(answer.failure) ?? unclear(`Slack does not show channel ${channel} (${code})`)];
  }
  const found = member(answer.body, 'channel');
  const info: JsonObject = isObject(found) ? found : {};
  const faults: SetupFault[] = [];
  if (sharedOutside(info)) {
    const what = `channel ${channel} is shared with another organisation`;
    faults.push(fatal(what, 'Use a channel of your own workspace: cards show arguments of calls.'));
  }
  if (info.is_archived === true)
    faults.push(fatal(`channel ${channel} is archived`, 'Unarchive it or use another one.'));
  if (info.is_member === false)
    faults.push(fatal(`the app is not in channel ${channel}`, 'Type /invite @Holdfast in that channel.'));
  return faults;
}

/** Whether anybody can approve through this user group. */
export async function groupFaults(api: SlackApi, group: string): Promise<SetupFault[]> {
  const answer = await api.call('usergroups.users.list', { usergroup: group });
  if (answer.ok) {
    const users = member(answer.body, 'users');
    if (Array.isArray(users) && users.length > 0) return [];
    return [fatal(`the user group ${group} is empty: nobody in it can approve`, 'Add people to it in Slack.')];
  }
  const { code } = answer.failure;
  if (code === 'plan_upgrade_required') {
    return [fatal(`user groups need a paid Slack plan (${group})`, 'Name the people one by one under approvers.')];
  }
  if (code === 'no_such_subteam' || code === 'subteam_not_found') {
    const what = `there is no user group ${group}, or it is disabled`;
    return [fatal(what, 'Copy its id (S…) from the group’s "…" menu in Slack.')];
  }
  return [unanswered(answer.failure) ?? unclear(`Slack does not say who is in ${group} (${code})`)];
}

/** Whether this person's decision could count. */
export async function personFaults(api: SlackApi, user: string): Promise<SetupFault[]> {
  const answer = await api.call('users.info', { user });
  if (!answer.ok) {
    const remedy = 'Copy the member id (U…) from the person’s profile in Slack.';
    if (answer.failure.code === 'user_not_found') return [weak(`there is no person ${user}`, remedy)];
    const silent = unanswered(answer.failure);
    return silent === null ? [] : [silent];
  }
  const info = member(answer.body, 'user');
  const flags = ['deleted', 'is_bot', 'is_restricted', 'is_ultra_restricted', 'is_stranger'];
  const raised = flags.filter((flag) => member(info, flag) === true);
  if (raised.length === 0) return [];
  const what = `${user} can never approve: ${raised.join(', ')}`;
  return [weak(what, 'Name a full member of the workspace under approvers instead.')];
}
