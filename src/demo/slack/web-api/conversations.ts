import type { SlackMessage } from '../state/messages.ts';
import type { SlackChannel, SlackToken } from '../state/workspace.ts';
import type { World } from '../state/world.ts';
import { type Fields, isTrue, textField } from '../wire/fields.ts';
import { directMessage, isMember, scopeRefusal, visibleChannel } from './channels.ts';
import { messageFields } from './message.ts';
import type { WebApiMethod } from './method.ts';
import { TIER } from './rates.ts';
import { errorReply, type MethodReply, okReply } from './reply.ts';

export const CONVERSATION_METHODS: Readonly<Record<string, WebApiMethod>> = {
  'conversations.info': { token: 'bot', scope: null, rate: TIER[3], run: info },
  'conversations.open': { token: 'bot', scope: 'im:write', rate: TIER[3], run: open },
  'conversations.history': { token: 'bot', scope: null, rate: TIER[3], run: history },
  'conversations.replies': { token: 'bot', scope: null, rate: TIER[3], run: replies },
  'conversations.members': { token: 'bot', scope: null, rate: TIER[4], run: members },
};

function info(world: World, args: Fields, token: SlackToken): MethodReply {
  const channel = visibleChannel(world, world.workspace.channels.get(textField(args, 'channel') ?? ''));
  if (channel === undefined) return errorReply('channel_not_found');
  return scopeRefusal(channel, 'read', token) ?? okReply({ channel: shownChannel(world, channel) });
}

function shownChannel(world: World, channel: SlackChannel): Fields {
  const { members, ...fields } = channel;
  if (channel.is_im) {
    const user = members.find((id) => id !== world.workspace.botUser);
    return { id: channel.id, is_im: true, is_archived: channel.is_archived, user };
  }
  return {
    ...fields,
    is_channel: !channel.is_private,
    is_group: channel.is_private,
    is_mpim: false,
    is_shared: channel.is_shared || channel.is_ext_shared || channel.is_org_shared,
    is_member: isMember(world, channel),
    context_team_id: world.workspace.team.id,
    num_members: members.length,
  };
}

function open(world: World, args: Fields): MethodReply {
  const id = textField(args, 'users') ?? '';
  if (id === '') return errorReply('users_list_not_supplied');
  const user = world.workspace.users.get(id);
  if (user === undefined) return errorReply('user_not_found');
  if (user.deleted) return errorReply('user_disabled');
  if (user.is_bot) return errorReply('cannot_dm_bot');
  const channel = directMessage(world, id);
  return okReply({ channel: { id: channel.id, ...(isTrue(args.return_im) ? shownChannel(world, channel) : {}) } });
}

function members(world: World, args: Fields, token: SlackToken): MethodReply {
  const channel = visibleChannel(world, world.workspace.channels.get(textField(args, 'channel') ?? ''));
  if (channel === undefined) return errorReply('channel_not_found');
  return (
    scopeRefusal(channel, 'read', token) ??
    okReply({ members: [...channel.members], response_metadata: { next_cursor: '' } })
  );
}

function history(world: World, args: Fields, token: SlackToken): MethodReply {
  const channel = visibleChannel(world, world.workspace.channels.get(textField(args, 'channel') ?? ''));
  if (channel === undefined) return errorReply('channel_not_found');
  const refusal = scopeRefusal(channel, 'history', token);
  if (refusal !== null) return refusal;
  if (!isMember(world, channel)) return errorReply('not_in_channel');
  return page(world, world.messages.inChannel(channel.id).reverse(), args);
}

function replies(world: World, args: Fields, token: SlackToken): MethodReply {
  const channel = visibleChannel(world, world.workspace.channels.get(textField(args, 'channel') ?? ''));
  if (channel === undefined) return errorReply('channel_not_found');
  const refusal = scopeRefusal(channel, 'history', token);
  if (refusal !== null) return refusal;
  const parent = world.messages.find(channel.id, textField(args, 'ts') ?? '');
  if (parent === undefined) return errorReply('thread_not_found');
  return page(world, [parent, ...world.messages.inThread(channel.id, parent.ts)], args);
}

/** One page of the messages within the requested time span. The cursor is an index into them. */
function page(world: World, messages: readonly SlackMessage[], args: Fields): MethodReply {
  const oldest = Number(args.oldest ?? 0);
  const latest = Number(args.latest ?? Number.POSITIVE_INFINITY);
  const inclusive = isTrue(args.inclusive);
  const within = messages.filter(({ ts }) =>
    inclusive ? Number(ts) >= oldest && Number(ts) <= latest : Number(ts) > oldest && Number(ts) < latest,
  );
  const limit = Math.min(Math.max(1, Number(args.limit ?? 100) || 100), 999);
  const cursor = textField(args, 'cursor') ?? '';
  const from = cursor === '' ? 0 : Number(Buffer.from(cursor, 'base64').toString().replace('next:', ''));
  if (!Number.isInteger(from)) return errorReply('invalid_cursor');
  const more = within.length > from + limit;
  return okReply({
    messages: within.slice(from, from + limit).map((m) => messageFields(world, m, isTrue(args.include_all_metadata))),
    has_more: more,
    response_metadata: { next_cursor: more ? Buffer.from(`next:${from + limit}`).toString('base64') : '' },
  });
}
