import { LARGE_MESSAGE } from '../json/large.ts';
import { SseCutter } from '../sse/cutter.ts';
import { fieldsOf } from '../sse/fields.ts';
import { messageEvent } from '../sse/write.ts';
import { responseIn } from '../upstream/response.ts';

/** A stream that answers one request. */
export interface AnswerStream {
  readonly body: ReadableStream<Uint8Array>;
  /** The request's id as JSON text. */
  readonly idText: string;
  /** JSON text of the last message, for a stream that ended in this way without the response. */
  readonly lastMessage: (why: string) => string;
}

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The same stream, with a last message where it breaks off or ends without the response: most clients hear nothing of a
 * connection that breaks, and wait until their own time is over. Events pass one by one, byte for byte, and what is left
 * of an event that did not come whole is dropped.
 *
 * | the stream | with an event id before | else |
 * |---|---|---|
 * | has brought the response | as it came, and ended even where it breaks off | the same |
 * | ends, or breaks off, without it | as it came: the client resumes it (2025-11-25) | the last message, and the end |
 * | has an event of `LARGE_MESSAGE` bytes or more | from then on as it came | from then on as it came |
 */
export function toldEnd({ body, idText, lastMessage }: AnswerStream): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const cutter = new SseCutter();
  const reader = body.getReader();
  let isWatched = true;
  let isAnswered = false;
  const look = async (event: Uint8Array): Promise<void> => {
    if (!isWatched || event.length === 0) return;
    const { data, id } = fieldsOf(UTF8.decode(event));
    const isAnswer = data !== null && data !== '' && (await responseIn(encoder.encode(data), idText)).outcome;
    isAnswered = Boolean(isAnswer);
    if (id !== null || isAnswered) isWatched = false;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        for (;;) {
          let read: Awaited<ReturnType<typeof reader.read>>;
          try {
            read = await reader.read();
          } catch (error) {
            // The client has what it waits for.
            if (isAnswered) return out.close();
            if (!isWatched) throw error;
            const why = error instanceof Error ? error.message : 'it failed';
            out.enqueue(encoder.encode(messageEvent(lastMessage(why))));
            return out.close();
          }
          const { done, value } = read;
          if (done) {
            const rest = cutter.end();
            await look(rest);
            if (isWatched) out.enqueue(encoder.encode(messageEvent(lastMessage('its stream ended without it'))));
            else if (rest.length > 0) out.enqueue(rest);
            return out.close();
          }
          if (!isWatched) return out.enqueue(value);
          const sent = cutter.push(value);
          for (const event of sent) await look(event);
          if (cutter.pendingBytes >= LARGE_MESSAGE) isWatched = false;
          // Nothing is looked at any more, so nothing is held back.
          if (!isWatched) sent.push(cutter.end());
          for (const event of sent) if (event.length > 0) out.enqueue(event);
          if (sent.length > 0) return;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
