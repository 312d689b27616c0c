import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { readBounded } from '../../bytes/read.ts';
import type { ExchangeAnswer, UpstreamAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { type MessageEdit, tapEvents } from './tap-events.ts';

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Edits whatever messages an answer holds, on streams and replays too: hidden tools vanish, and what the gateway adds
 * is added. Bytes change only in the message that is edited; everything else goes on as it came, event by event. An answer that cannot be looked
 * through, packed or endless, is not passed on: `lost`.
 */
export async function tap(answer: UpstreamAnswer, edit: MessageEdit): Promise<ExchangeAnswer> {
  if (answer.body === null) return answer;
  const packed = headerOf(answer.headers, 'content-encoding');
  if (packed !== null && packed.toLowerCase() !== 'identity') return unreadable(answer, 'packed though asked not to');
  const type = (headerOf(answer.headers, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'text/event-stream') return { ...answer, body: tapEvents(answer.body, edit) };
  const whole = answer.body instanceof Uint8Array ? answer.body : await readBounded(answer.body, MOST_HELD_BYTES);
  if (whole === null) return unreadable(answer, 'too long to be looked through');
  return { ...answer, body: tapText(whole, edit) };
}

async function unreadable(answer: UpstreamAnswer, why: string): Promise<ExchangeAnswer> {
  if (answer.body instanceof ReadableStream && !answer.body.locked) await answer.body.cancel();
  return { kind: 'lost', why };
}

function tapText(bytes: Uint8Array, edit: MessageEdit): Uint8Array {
  const edited = edit(UTF8.decode(bytes));
  return edited === null ? bytes : new TextEncoder().encode(edited);
}
