import type { SlackChannel, SlackToken } from '../state/workspace.ts';
import { putChannel } from '../state/workspace.ts';
import type { World } from '../state/world.ts';
import { errorReply, type MethodReply } from './reply.ts';

/** The channel that a post is for: an id, a name, or a person (their direct messages with the app). */
export function channelOf(world: World, given: string): SlackChannel | undefined {
  const { channels, users } = world.workspace;
  if (users.has(given)) return directMessage(world, given);
  const name = given.replace(/^#/, '');
  return channels.get(given) ?? [...channels.values()].find((c) => !c.is_im && c.name === name);
}

/** The direct messages between the app and a person. */
export function directMessage(world: World, user: string): SlackChannel {
  const { workspace } = world;
  const id = `D${user.slice(1)}`;
  return (
    workspace.channels.get(id) ??
    putChannel(workspace, { id, name: '', is_im: true, is_private: true, members: [workspace.botUser, user] })
  );
}

/** Private channels do not exist for those who are not in them. */
export function seen(world: World, channel: SlackChannel | undefined): SlackChannel | undefined {
  if (channel === undefined) return undefined;
  return channel.is_private && !inside(world, channel) ? undefined : channel;
}

export function inside(world: World, channel: SlackChannel): boolean {
  return channel.members.includes(world.workspace.botUser);
}

/** Slack has one scope for each kind of channel: `channels:read`, `groups:read`, `im:read`. */
export function lacking(channel: SlackChannel, verb: 'read' | 'history', token: SlackToken): MethodReply | null {
  const needed = `${channel.is_im ? 'im' : channel.is_private ? 'groups' : 'channels'}:${verb}`;
  return token.scopes.includes(needed) ? null : missingScope(needed, token);
}

export function missingScope(needed: string, token: SlackToken): MethodReply {
  return errorReply('missing_scope', { needed, provided: token.scopes.join(',') });
}
