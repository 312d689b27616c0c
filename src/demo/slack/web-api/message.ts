import { charactersOf, faultsOf, MOST_CHARACTERS } from '../limits/blocks.ts';
import type { MessageContent, SlackMessage } from '../state/messages.ts';
import type { World } from '../state/world.ts';
import { type Fields, isFields, textField } from '../wire/fields.ts';
import { errorReply, faultsReply, type MethodReply } from './reply.ts';

/** Characters at which `text` is cut. */
const CUT_TEXT = 40_000;
const MOST_METADATA_BYTES = 8_000;

/** The text, blocks and metadata of a call, or Slack's refusal of them. */
export function contentOf(args: Fields): MessageContent | MethodReply {
  const given = textField(args, 'text') ?? '';
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
    ...(message.app === null ? {} : { bot_id: message.app.bot, app_id: message.app.id }),
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
