import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { readBounded } from '../../bytes/read.ts';
import type { ExchangeAnswer, UpstreamAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { editMessage, type MessageEdit, tapEvents } from './tap-events.ts';

/**
 * Applies `edit` to every message of an answer, on streams and replays too: it removes hidden tools and adds what the
 * gateway offers. Only edited messages change; everything else is forwarded as it came, event by event. An answer that
 * cannot be read (compressed, or longer than `MOST_HELD_BYTES`) is not forwarded: the result is `lost`. `mustRead`: nor
 * is a success that is neither JSON nor a stream of events.
 */
export async function tap(answer: UpstreamAnswer, edit: MessageEdit, mustRead = false): Promise<ExchangeAnswer> {
  if (answer.body === null) return answer;
  const encoding = headerOf(answer.headers, 'content-encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity')
    return unreadable(answer, 'packed though asked not to');
  const type = (headerOf(answer.headers, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'text/event-stream') return { ...answer, body: await tapEvents(answer.body, edit) };
  const whole = answer.body instanceof Uint8Array ? answer.body : await readBounded(answer.body, MOST_HELD_BYTES);
  if (whole === null) return unreadable(answer, 'too long to be looked through');
  const edited = whole.length === 0 ? null : await editMessage(whole, edit);
  if (edited === 'too_long') return unreadable(answer, 'too long to be looked through');
  if (edited === 'no_json' && mustRead && answer.status < 300) return unreadable(answer, 'not JSON');
  return { ...answer, body: edited === null || edited === 'no_json' ? whole : edited };
}

async function unreadable(answer: UpstreamAnswer, why: string): Promise<ExchangeAnswer> {
  if (answer.body instanceof ReadableStream && !answer.body.locked) await answer.body.cancel();
  return { kind: 'lost', why };
}
