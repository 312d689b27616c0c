import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { readBounded } from '../../bytes/read.ts';
import type { UpstreamAnswer } from '../../ports.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { readableAnswer, TOO_LONG_ANSWER, type UnreadableAnswer, unreadable } from '../upstream/readable.ts';
import { soleMessageIn } from '../upstream/response.ts';
import { UnpackError } from '../upstream/unpack.ts';
import { editMessage, type MessageEdit, type TappedEvents, tapEvents } from './tap-events.ts';

/**
 * Applies `edit` to every message of an answer, on streams and replays too: it removes hidden tools and adds what the
 * gateway offers. Only edited messages change; everything else is forwarded as it came, event by event. `must`: the edit
 * must be made, so that what cannot be read is not harmless, and is never passed on; null: what cannot be read is passed
 * on as it came.
 *
 * | what cannot be read | with `must` | without |
 * |---|---|---|
 * | an unknown packing, text that is not UTF-8 | unreadable | as it came |
 * | a broken packing, longer than `MOST_HELD_BYTES` | unreadable | unreadable |
 * | a success that is not JSON | unreadable | as it came |
 * | a refusal (HTTP 400 and more) that is not JSON | as it came | as it came |
 * | an event whose data is not JSON | `must.instead` is sent in its place, and the stream ends | as it came |
 */
export async function tap(
  answered: UpstreamAnswer,
  edit: MessageEdit,
  must: TappedEvents['must'] = null,
): Promise<UpstreamAnswer | UnreadableAnswer> {
  if (answered.body === null) return answered;
  const answer = readableAnswer(answered);
  if (answer.kind === 'unreadable') return must === null ? answered : discarded(answered, answer);
  if (answer.body === null) return answer;
  if (isEventStream(answer.headers)) return { ...answer, body: await tapEvents(answer.body, edit, { must }) };
  const whole = await wholeOf(answer);
  if (!(whole instanceof Uint8Array)) return whole;
  const edited = whole.length === 0 ? null : await editMessage(await soleMessageIn(whole), edit);
  if (edited === 'too_long') return unreadable(TOO_LONG_EDITED);
  if (edited === 'no_json' && must !== null && answer.status < 300) return unreadable('is not JSON');
  return { ...answer, body: edited === null || edited === 'no_json' ? whole : edited };
}

const TOO_LONG_EDITED = 'is a list of messages that is too long to be looked through';

/** The server need not finish what nobody reads. */
function discarded({ body }: UpstreamAnswer, why: UnreadableAnswer): UnreadableAnswer {
  if (body instanceof ReadableStream) body.cancel().catch(() => {});
  return why;
}

async function wholeOf(answer: UpstreamAnswer): Promise<Uint8Array | UnreadableAnswer> {
  if (answer.body === null || answer.body instanceof Uint8Array) return answer.body ?? new Uint8Array(0);
  try {
    return (await readBounded(answer.body, MOST_HELD_BYTES)) ?? unreadable(TOO_LONG_ANSWER);
  } catch (error) {
    if (error instanceof UnpackError) return unreadable(`is packed, and ${error.message}`);
    throw error;
  }
}
