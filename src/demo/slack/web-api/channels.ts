import { putChannel, type SlackChannel, type SlackToken } from '../state/workspace.ts';
import type { World } from '../state/world.ts';
import { errorReply, type MethodReply } from './reply.ts';

/** The channel that a post names: by its id, its name, or a person's id (their direct messages with the app). */
export function channelOf(world: World, given: string): SlackChannel | undefined {
  const { channels, users } = world.workspace;
  if (users.has(given)) return directMessage(world, given);
  const name = given.replace(/^#/, '');
  return channels.get(given) ?? [...channels.values()].find((c) => !c.is_im && c.name === name);
}

/** The direct messages between the app and a person; opened if they are not yet. */
export function directMessage(world: World, user: string): SlackChannel {
  const { workspace } = world;
  const id = `D${user.slice(1)}`;
  return (
    workspace.channels.get(id) ??
    putChannel(workspace, { id, name: '', is_im: true, is_private: true, members: [workspace.botUser, user] })
  );
}

/** The channel, if the app can see it: a private channel does not exist for those outside it. */
export function visibleChannel(world: World, channel: SlackChannel | undefined): SlackChannel | undefined {
  if (channel === undefined) return undefined;
  return channel.is_private && !isMember(world, channel) ? undefined : channel;
}

export function isMember(world: World, channel: SlackChannel): boolean {
  return channel.members.includes(world.workspace.botUser);
}

/** A refusal if the token lacks the scope for this kind of channel: `channels:read`, `groups:read`, `im:read`. */
export function scopeRefusal(channel: SlackChannel, verb: 'read' | 'history', token: SlackToken): MethodReply | null {
  const needed = `${channel.is_im ? 'im' : channel.is_private ? 'groups' : 'channels'}:${verb}`;
  return token.scopes.includes(needed) ? null : missingScope(needed, token);
}

export function missingScope(needed: string, token: SlackToken): MethodReply {
  return errorReply('missing_scope', { needed, provided: token.scopes.join(',') });
}
