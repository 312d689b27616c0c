import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { concatBytes, readBounded } from '../../bytes/read.ts';
import type { ExchangeAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { editData, SseCutter } from '../sse/cutter.ts';

type Answer = Extract<ExchangeAnswer, { kind: 'answer' }>;
/** What to change in a message, or a batch, given as text; null: nothing. */
export type MessageEdit = (text: string) => string | null;

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Edits whatever messages an answer holds, on streams and replays too: hidden tools vanish, and what the gateway adds
 * is added. Bytes change only in the message that is edited; everything else goes on as it came, event by event. An answer that cannot be looked
 * through, packed or endless, is not passed on: `lost`.
 */
export async function tap(answer: Answer, edit: MessageEdit): Promise<ExchangeAnswer> {
  if (answer.body === null) return answer;
  const packed = headerOf(answer.headers, 'content-encoding');
  if (packed !== null && packed.toLowerCase() !== 'identity') return unreadable(answer, 'packed though asked not to');
  const type = (headerOf(answer.headers, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'text/event-stream') return { ...answer, body: tapEvents(answer.body, edit) };
  const whole = answer.body instanceof Uint8Array ? answer.body : await readBounded(answer.body, MOST_HELD_BYTES);
  if (whole === null) return unreadable(answer, 'too long to be looked through');
  return { ...answer, body: tapText(whole, edit) };
}

async function unreadable(answer: Answer, why: string): Promise<ExchangeAnswer> {
  if (answer.body instanceof ReadableStream && !answer.body.locked) await answer.body.cancel();
  return { kind: 'lost', why };
}

function tapText(bytes: Uint8Array, edit: MessageEdit): Uint8Array {
  const edited = edit(UTF8.decode(bytes));
  return edited === null ? bytes : new TextEncoder().encode(edited);
}

function tapEvent(bytes: Uint8Array, edit: MessageEdit): Uint8Array {
  const event = UTF8.decode(bytes);
  // A list names its member `tools`, an introduction its `capabilities`, or hides the name behind an escape.
  if (!event.includes('tools') && !event.includes('capabilities') && !event.includes('\\u')) return bytes;
  const edited = editData(event, edit);
  return edited === null ? bytes : new TextEncoder().encode(edited);
}

function tapEvents(
  body: ReadableStream<Uint8Array> | Uint8Array,
  edit: MessageEdit,
): ReadableStream<Uint8Array> | Uint8Array {
  const cutter = new SseCutter();
  if (body instanceof Uint8Array) {
    const events = [...cutter.push(body), cutter.end()].map((event) => tapEvent(event, edit));
    return concatBytes(
      events,
      events.reduce((sum, event) => sum + event.length, 0),
    );
  }
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(out) {
      for (;;) {
        const { done, value } = await reader.read();
        const events = done ? [cutter.end()] : cutter.push(value);
        for (const event of events) if (event.length > 0) out.enqueue(tapEvent(event, edit));
        if (done) return out.close();
        if (cutter.waiting > MOST_HELD_BYTES) throw new Error('an event is too long to be looked through');
        if (events.length > 0) return;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
