import type { ResponseTarget } from '../state/one-shots.ts';
import type { World } from '../state/world.ts';
import { type Fields, isTrue, textField } from '../wire/fields.ts';
import { contentOf } from './message.ts';
import { type MethodReply, okReply } from './reply.ts';

/** Does what a post to a response_url asks for. By default the answer is ephemeral and the original stays. */
export function respondTo(world: World, target: ResponseTarget, body: Fields): MethodReply {
  const original = world.messages.find(target.channel, target.ts);
  if (isTrue(body.delete_original)) {
    if (original !== undefined) original.deleted = true;
    return okReply();
  }
  const content = contentOf(body);
  if ('ok' in content) return content;
  if (isTrue(body.replace_original)) {
    if (original !== undefined) world.messages.change(original, { ...content, metadata: original.metadata });
    return okReply();
  }
  world.messages.post(
    {
      channel: target.channel,
      user: world.workspace.botUser,
      thread_ts: textField(body, 'thread_ts') ?? null,
      ephemeralFor: body.response_type === 'in_channel' ? null : target.user,
    },
    content,
  );
  return okReply();
}
