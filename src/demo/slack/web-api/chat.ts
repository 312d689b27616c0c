import type { SlackMessage } from '../state/messages.ts';
import type { SlackChannel, SlackToken } from '../state/workspace.ts';
import type { World } from '../state/world.ts';
import { type Fields, textField } from '../wire/fields.ts';
import { channelOf, isMember, visibleChannel } from './channels.ts';
import { contentOf, messageFields } from './message.ts';
import type { WebApiMethod } from './method.ts';
import { POSTING, TIER } from './rates.ts';
import { errorReply, type MethodReply, okReply } from './reply.ts';

/** Most characters of `text` in chat.update, which refuses a longer one; chat.postMessage cuts instead. */
const MOST_UPDATE_TEXT = 4_000;

export const CHAT_METHODS: Readonly<Record<string, WebApiMethod>> = {
  'chat.postMessage': { token: 'bot', scope: 'chat:write', rate: POSTING, run: postMessage },
  'chat.update': { token: 'bot', scope: 'chat:write', rate: TIER[3], run: update },
  'chat.postEphemeral': { token: 'bot', scope: 'chat:write', rate: TIER[4], run: postEphemeral },
  'chat.delete': { token: 'bot', scope: 'chat:write', rate: TIER[3], run: remove },
  'chat.getPermalink': { token: 'bot', scope: null, rate: null, run: getPermalink },
};

function postMessage(world: World, args: Fields, token: SlackToken): MethodReply {
  const channel = writable(world, channelOf(world, textField(args, 'channel') ?? ''), token);
  if ('error' in channel) return errorReply(channel.error);
  const content = contentOf(args);
  if ('ok' in content) return content;
  const thread = textField(args, 'thread_ts') ?? null;
  if (thread !== null && world.messages.find(channel.id, thread) === undefined) return errorReply('thread_not_found');
  const message = world.messages.post(
    { channel: channel.id, user: world.workspace.botUser, thread_ts: thread },
    content,
  );
  return okReply({ channel: channel.id, ts: message.ts, message: messageFields(world, message, true) });
}

function update(world: World, args: Fields): MethodReply {
  // Only a channel's id counts here: a name or a person's id is not found.
  const channel = visibleChannel(world, world.workspace.channels.get(textField(args, 'channel') ?? ''));
  if (channel === undefined) return errorReply('channel_not_found');
  const message = world.messages.find(channel.id, textField(args, 'ts') ?? '');
  if (message === undefined || message.ephemeralFor !== null) return errorReply('message_not_found');
  if (message.user !== world.workspace.botUser) return errorReply('cant_update_message');
  if (channel.is_archived) return errorReply('is_inactive');
  if ((textField(args, 'text') ?? '').length > MOST_UPDATE_TEXT) return errorReply('msg_too_long');
  const content = contentOf(args);
  if ('ok' in content) return content;
  // Without new metadata the old stays; blocks do not.
  const metadata = args.metadata === undefined ? message.metadata : content.metadata;
  world.messages.change(message, { ...content, metadata });
  return okReply({
    channel: channel.id,
    ts: message.ts,
    text: message.text,
    message: messageFields(world, message, true),
  });
}

function postEphemeral(world: World, args: Fields, token: SlackToken): MethodReply {
  const channel = writable(world, channelOf(world, textField(args, 'channel') ?? ''), token);
  if ('error' in channel) return errorReply(channel.error);
  const user = textField(args, 'user') ?? '';
  if (!channel.members.includes(user)) return errorReply('user_not_in_channel');
  const content = contentOf(args);
  if ('ok' in content) return content;
  const message = world.messages.post(
    {
      channel: channel.id,
      user: world.workspace.botUser,
      thread_ts: textField(args, 'thread_ts') ?? null,
      ephemeralFor: user,
    },
    content,
  );
  return okReply({ message_ts: message.ts });
}

function remove(world: World, args: Fields): MethodReply {
  const channel = visibleChannel(world, world.workspace.channels.get(textField(args, 'channel') ?? ''));
  if (channel === undefined) return errorReply('channel_not_found');
  const message = world.messages.find(channel.id, textField(args, 'ts') ?? '');
  if (message === undefined) return errorReply('message_not_found');
  if (message.user !== world.workspace.botUser) return errorReply('cant_delete_message');
  message.deleted = true;
  return okReply({ channel: channel.id, ts: message.ts });
}

function getPermalink(world: World, args: Fields): MethodReply {
  const channel = visibleChannel(world, world.workspace.channels.get(textField(args, 'channel') ?? ''));
  if (channel === undefined) return errorReply('channel_not_found');
  const message = world.messages.find(channel.id, textField(args, 'message_ts') ?? '');
  if (message === undefined) return errorReply('message_not_found');
  return okReply({ channel: channel.id, permalink: permalink(world, message) });
}

/** Real permalinks are on slack.com; these lead to the stand-in's page. */
function permalink(world: World, message: SlackMessage): string {
  return `${world.origin()}/archives/${message.channel}/p${message.ts.replace('.', '')}`;
}

function writable(
  world: World,
  channel: SlackChannel | undefined,
  token: SlackToken,
): SlackChannel | { error: string } {
  const found = visibleChannel(world, channel);
  if (found === undefined) return { error: 'channel_not_found' };
  if (found.is_archived) return { error: 'is_archived' };
  const open = !found.is_private && token.scopes.includes('chat:write.public');
  return isMember(world, found) || open ? found : { error: 'not_in_channel' };
}
