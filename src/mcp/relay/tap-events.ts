import { withoutMark } from '../../bytes/byte-order-mark.ts';
import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { joinInTurns } from '../../bytes/join.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { OPEN_ARRAY } from '../json/text.ts';
import { SseCutter } from '../sse/cutter.ts';
import { editData } from '../sse/edit-data.ts';
import { largeEventFields } from '../sse/large-event.ts';
import { eventHead, messageEvent } from '../sse/write.ts';
import { type EntryEdit, editLargeList } from './large-list.ts';

const SPACE = 0x20;

/** How a server's messages are changed. */
export interface MessageEdit {
  /** Returns a message, or a batch, with its changes; both are JSON text. Null: nothing changes. */
  text(text: string): string | null;
  /** What `text` does with each entry of a list, for lists that are too large to be read at once. */
  readonly entry?: EntryEdit;
}

/** The longest message that is edited at once where it is no list of tools, in bytes. */
const LONGEST_EDITED = 1024 * 1024;

/**
 * A message of any length, or a batch, with its changes. Null: nothing changes. `too_long`: it is too long to be looked
 * through and is no single message. `no_json`: it is none.
 */
export async function editMessage(
  marked: Uint8Array,
  edit: MessageEdit,
): Promise<Uint8Array | null | 'too_long' | 'no_json'> {
  const bytes = withoutMark(marked);
  if (bytes.length >= LARGE_MESSAGE && edit.entry !== undefined) {
    const first = bytes.find((c) => c > SPACE);
    if (first !== OPEN_ARRAY) return editLargeList(bytes, edit.entry);
    if (bytes.length > LONGEST_EDITED) return 'too_long';
  } else if (bytes.length > LONGEST_EDITED) return null;
  const text = UTF8.decode(bytes);
  const edited = edit.text(text);
  if (edited === null) return isJsonText(text) ? null : 'no_json';
  return new TextEncoder().encode(edited);
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const MARK = '\ufeff';

/** How a stream is edited. */
export interface TappedEvents {
  /**
   * The edit must be made. `instead`: JSON text of the message that takes the place of an event that cannot be read,
   * after which the stream ends; null: the event is left out. Null: such an event is passed on.
   */
  readonly must: { readonly instead: string | null } | null;
}

/**
 * An event stream, or all of its events at once, edited event by event. An event over `MOST_HELD_BYTES` breaks it off.
 */
export async function tapEvents(
  body: ReadableStream<Uint8Array> | Uint8Array,
  edit: MessageEdit,
  { must }: TappedEvents = { must: null },
): Promise<ReadableStream<Uint8Array> | Uint8Array> {
  const cutter = new SseCutter();
  if (body instanceof Uint8Array) {
    const events = [];
    for (const parts of [...cutter.cut(body), cutter.rest()]) {
      const event = await joinInTurns(parts);
      const edited = await editEvent(event, edit);
      events.push(edited ?? insteadOf(event, must));
      if (edited === null && must !== null && must.instead !== null) break;
    }
    return joinInTurns(events);
  }
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(out) {
      for (;;) {
        const { done, value } = await reader.read();
        const events = done ? [cutter.rest()] : cutter.cut(value);
        let passed = 0;
        for (const parts of events) {
          if (parts.length === 0) continue;
          const event = await joinInTurns(parts);
          const edited = await editEvent(event, edit);
          const sent = edited ?? insteadOf(event, must);
          if (sent.length > 0) out.enqueue(sent);
          passed += sent.length;
          if (edited !== null || must === null || must.instead === null) continue;
          reader.cancel().catch(() => {});
          return out.close();
        }
        if (done) return out.close();
        if (cutter.pendingBytes > MOST_HELD_BYTES) throw new Error('an event is too long to be looked through');
        if (passed > 0) return;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** What takes the place of an event that cannot be read. */
function insteadOf(event: Uint8Array, must: TappedEvents['must']): Uint8Array {
  if (must === null) return event;
  return new TextEncoder().encode(must.instead === null ? '' : messageEvent(must.instead));
}

/** Only lists and answers to initialize are edited; their member names may be written with escapes. */
const EDITED = /tools|capabilities|resources|resourceTemplates|prompts|\\u/;

/** Null: the event's data is not JSON. */
async function editEvent(bytes: Uint8Array, edit: MessageEdit): Promise<Uint8Array | null> {
  if (bytes.length >= LARGE_MESSAGE) return editLargeEvent(bytes, edit);
  const event = UTF8.decode(bytes);
  if (!EDITED.test(event)) return bytes;
  let isJson = true;
  const edited = editData(event, (data) => {
    const text = data.startsWith(MARK) ? data.slice(MARK.length) : data;
    const changed = edit.text(text);
    isJson = changed !== null || text.trim() === '' || isJsonText(text);
    return changed;
  });
  if (!isJson) return null;
  return edited === null ? bytes : new TextEncoder().encode(edited);
}

/** Of an edited large event, the message and the event's id are kept. Null: its data is not JSON. */
async function editLargeEvent(bytes: Uint8Array, edit: MessageEdit): Promise<Uint8Array | null> {
  const { data, id } = await largeEventFields(bytes);
  const edited = data === null ? null : await editMessage(data, edit);
  if (edited === 'too_long') throw new Error('an event is too long to be looked through');
  if (edited === 'no_json') return null;
  if (edited === null) return bytes;
  const encoder = new TextEncoder();
  return joinInTurns([encoder.encode(eventHead(id)), edited, encoder.encode('\n\n')]);
}
