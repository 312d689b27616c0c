import { charactersOf, faultsOf, MOST_CHARACTERS } from '../limits/blocks.ts';
import type { MessageContent, SlackMessage } from '../state/messages.ts';
import type { SlackChannel, SlackToken } from '../state/workspace.ts';
import type { WebApiMethod, World } from '../state/world.ts';
import { type Fields, isFields, text, truth } from '../wire/fields.ts';
import { channelOf, inside, seen } from './channels.ts';
import { POSTING, TIER } from './rates.ts';
import { errorReply, faultsReply, type MethodReply, okReply } from './reply.ts';

/** `text` of chat.update, in characters; chat.postMessage cuts at the other instead of refusing. */
export const MOST_UPDATE_TEXT = 4_000;
const CUT_TEXT = 40_000;
const MOST_METADATA_BYTES = 8_000;

export const CHAT_METHODS: Readonly<Record<string, WebApiMethod>> = {
  'chat.postMessage': { token: 'bot', scope: 'chat:write', rate: POSTING, run: postMessage },
  'chat.update': { token: 'bot', scope: 'chat:write', rate: TIER[3], run: update },
  'chat.postEphemeral': { token: 'bot', scope: 'chat:write', rate: TIER[4], run: postEphemeral },
  'chat.delete': { token: 'bot', scope: 'chat:write', rate: TIER[3], run: remove },
  'chat.getPermalink': { token: 'bot', scope: null, rate: null, run: getPermalink },
};

function postMessage(world: World, args: Fields, token: SlackToken): MethodReply {
  const channel = writable(world, channelOf(world, text(args, 'channel') ?? ''), token);
  if ('error' in channel) return errorReply(channel.error);
  const saying = sayingOf(args);
  if ('ok' in saying) return saying;
  const thread = text(args, 'thread_ts') ?? null;
  if (thread !== null && world.messages.find(channel.id, thread) === undefined) return errorReply('thread_not_found');
  const message = world.messages.post(
    { channel: channel.id, user: world.workspace.botUser, thread_ts: thread },
    saying,
  );
  return okReply({ channel: channel.id, ts: message.ts, message: messageFields(world, message, true) });
}

function update(world: World, args: Fields): MethodReply {
  // Only an id will do here: a name, or a person's id, is not found.
  const channel = seen(world, world.workspace.channels.get(text(args, 'channel') ?? ''));
  if (channel === undefined) return errorReply('channel_not_found');
  const message = world.messages.find(channel.id, text(args, 'ts') ?? '');
  if (message === undefined || message.ephemeralFor !== null) return errorReply('message_not_found');
  if (message.user !== world.workspace.botUser) return errorReply('cant_update_message');
  if (channel.is_archived) return errorReply('is_inactive');
  if ((text(args, 'text') ?? '').length > MOST_UPDATE_TEXT) return errorReply('msg_too_long');
  const saying = sayingOf(args);
  if ('ok' in saying) return saying;
  // Metadata stays unless it is given anew; blocks do not.
  const metadata = args.metadata === undefined ? message.metadata : saying.metadata;
  world.messages.change(message, { ...saying, metadata });
  return okReply({
    channel: channel.id,
    ts: message.ts,
    text: message.text,
    message: messageFields(world, message, true),
  });
}

function postEphemeral(world: World, args: Fields, token: SlackToken): MethodReply {
  const channel = writable(world, channelOf(world, text(args, 'channel') ?? ''), token);
  if ('error' in channel) return errorReply(channel.error);
  const user = text(args, 'user') ?? '';
  if (!channel.members.includes(user)) return errorReply('user_not_in_channel');
  const saying = sayingOf(args);
  if ('ok' in saying) return saying;
  const message = world.messages.post(
    {
      channel: channel.id,
      user: world.workspace.botUser,
      thread_ts: text(args, 'thread_ts') ?? null,
      ephemeralFor: user,
    },
    saying,
  );
  return okReply({ message_ts: message.ts });
}

function remove(world: World, args: Fields): MethodReply {
  const channel = seen(world, world.workspace.channels.get(text(args, 'channel') ?? ''));
  if (channel === undefined) return errorReply('channel_not_found');
  const message = world.messages.find(channel.id, text(args, 'ts') ?? '');
  if (message === undefined) return errorReply('message_not_found');
  if (message.user !== world.workspace.botUser) return errorReply('cant_delete_message');
  message.deleted = true;
  return okReply({ channel: channel.id, ts: message.ts });
}

function getPermalink(world: World, args: Fields): MethodReply {
  const channel = seen(world, world.workspace.channels.get(text(args, 'channel') ?? ''));
  if (channel === undefined) return errorReply('channel_not_found');
  const message = world.messages.find(channel.id, text(args, 'message_ts') ?? '');
  if (message === undefined) return errorReply('message_not_found');
  return okReply({ channel: channel.id, permalink: permalink(world, message) });
}

/** Real permalinks are on slack.com; here they lead to the stand-in's page. */
export function permalink(world: World, message: SlackMessage): string {
  return `${world.origin()}/archives/${message.channel}/p${message.ts.replace('.', '')}`;
}

function writable(
  world: World,
  channel: SlackChannel | undefined,
  token: SlackToken,
): SlackChannel | { error: string } {
  const found = seen(world, channel);
  if (found === undefined) return { error: 'channel_not_found' };
  if (found.is_archived) return { error: 'is_archived' };
  const open = !found.is_private && token.scopes.includes('chat:write.public');
  return inside(world, found) || open ? found : { error: 'not_in_channel' };
}

/** What a call wants to say, or Slack's refusal of it. */
export function sayingOf(args: Fields): MessageContent | MethodReply {
  const given = text(args, 'text') ?? '';
  const blocks = args.blocks ?? [];
  if (!Array.isArray(blocks)) return errorReply('invalid_blocks_format');
  if (given === '' && blocks.length === 0) return errorReply('no_text');
  const faults = faultsOf(blocks, 'message', '/blocks');
  if (faults.length > 0) return faultsReply('invalid_blocks', faults);
  if (charactersOf(blocks) > MOST_CHARACTERS) return errorReply('msg_blocks_too_long');
  const metadata = args.metadata ?? null;
  if (metadata !== null) {
    if (!isFields(metadata)) return errorReply('invalid_metadata_format');
    const empty = Object.keys(metadata).length === 0;
    if (!empty && (typeof metadata.event_type !== 'string' || !isFields(metadata.event_payload))) {
      return errorReply('invalid_metadata_schema');
    }
    if (Buffer.byteLength(JSON.stringify(metadata)) > MOST_METADATA_BYTES) return errorReply('metadata_too_large');
    if (empty) return { text: given.slice(0, CUT_TEXT), blocks, metadata: null };
  }
  return { text: given.slice(0, CUT_TEXT), blocks, metadata: isFields(metadata) ? metadata : null };
}

/** A message as the Web API and payloads show it. */
export function messageFields(world: World, message: SlackMessage, withMetadata: boolean): Fields {
  const { workspace } = world;
  const ours = message.user === workspace.botUser;
  const replies = world.messages.inThread(message.channel, message.ts);
  const last = message.versions.at(-1);
  return {
    type: 'message',
    user: message.user,
    ts: message.ts,
    ...(ours ? { bot_id: workspace.botId, app_id: workspace.appId } : {}),
    text: message.text,
    team: workspace.team.id,
    ...(message.blocks.length > 0 ? { blocks: structuredClone(message.blocks) } : {}),
    ...(withMetadata && message.metadata !== null ? { metadata: structuredClone(message.metadata) } : {}),
    ...(message.versions.length > 1 && last !== undefined
      ? { edited: { user: message.user, ts: `${Math.floor(last.at / 1000)}.000000` } }
      : {}),
    ...(message.thread_ts !== null ? { thread_ts: message.thread_ts } : {}),
    ...(replies.length > 0
      ? { thread_ts: message.ts, reply_count: replies.length, latest_reply: replies.at(-1)?.ts }
      : {}),
  };
}

/** What a used response_url does: Slack's defaults are an ephemeral answer, the original kept. */
export function respondTo(
  world: World,
  target: { channel: string; user: string; ts: string },
  body: Fields,
): MethodReply {
  const original = world.messages.find(target.channel, target.ts);
  if (truth(body.delete_original)) {
    if (original !== undefined) original.deleted = true;
    return okReply();
  }
  const saying = sayingOf(body);
  if ('ok' in saying) return saying;
  if (truth(body.replace_original)) {
    if (original !== undefined) world.messages.change(original, { ...saying, metadata: original.metadata });
    return okReply();
  }
  world.messages.post(
    {
      channel: target.channel,
      user: world.workspace.botUser,
      thread_ts: text(body, 'thread_ts') ?? null,
      ephemeralFor: body.response_type === 'in_channel' ? null : target.user,
    },
    saying,
  );
  return okReply();
}
