import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { concatBytes } from '../../bytes/read.ts';
import { editData, SseCutter } from '../sse/cutter.ts';

/** Returns a message, or a batch, with its changes; both are JSON text. Null: nothing changes. */
export type MessageEdit = (text: string) => string | null;

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * An event stream, or all of its events at once, edited event by event. An event over `MOST_HELD_BYTES` breaks it off.
 */
export function tapEvents(
  body: ReadableStream<Uint8Array> | Uint8Array,
  edit: MessageEdit,
): ReadableStream<Uint8Array> | Uint8Array {
  const cutter = new SseCutter();
  if (body instanceof Uint8Array) {
    const events = [...cutter.push(body), cutter.end()].map((event) => editEvent(event, edit));
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
        for (const event of events) if (event.length > 0) out.enqueue(editEvent(event, edit));
        if (done) return out.close();
        if (cutter.pendingBytes > MOST_HELD_BYTES) throw new Error('an event is too long to be looked through');
        if (events.length > 0) return;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** Only lists and answers to initialize are edited; their member names may be written with escapes. */
const EDITED = /tools|capabilities|resources|resourceTemplates|prompts|\\u/;

function editEvent(bytes: Uint8Array, edit: MessageEdit): Uint8Array {
  const event = UTF8.decode(bytes);
  if (!EDITED.test(event)) return bytes;
  const edited = editData(event, edit);
  return edited === null ? bytes : new TextEncoder().encode(edited);
}
