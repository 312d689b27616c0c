import { LARGE_MESSAGE } from '../json/large.ts';
import { CR, LF } from '../sse/boundary.ts';
import { SseCutter } from '../sse/cutter.ts';
import { fieldsOf } from '../sse/fields.ts';
import { messageEvent } from '../sse/write.ts';
import { answersRequest } from '../upstream/response.ts';

/** The request that a stream answers. */
export interface AnsweredRequest {
  /** Its id as JSON text. */
  readonly idText: string;
  /** JSON text of the last message, for a stream that ended in this way without the response. */
  readonly lastMessage: (why: string) => string;
}

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const ENCODER = new TextEncoder();

/**
 * Adds a last message to a stream that breaks off or ends without the response to its request: most clients hear nothing
 * of a connection that breaks, and wait until their own time is over. Events pass one by one, byte for byte, and what is
 * left of an event that did not come whole is dropped.
 *
 * | the stream | with an event id before | else |
 * |---|---|---|
 * | has brought the response | as it came, and ended even where it breaks off | the same |
 * | ends, or breaks off, without it | as it came: the client resumes it (2025-11-25) | the last message, and the end |
 * | has an event of `LARGE_MESSAGE` bytes or more | from then on as it came | from then on as it came |
 */
export class ToldEnd {
  readonly #request: AnsweredRequest;
  readonly #cutter = new SseCutter();
  #isWatched = true;
  #isAnswered = false;

  constructor(request: AnsweredRequest) {
    this.#request = request;
  }

  /** What is passed on of the bytes that came. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    if (!this.#isWatched) return [chunk];
    if (this.#cutter.pendingBytes === 0 && isWholeEvents(chunk)) {
      for (const event of UTF8.decode(chunk).split('\n\n')) if (this.#isWatched) this.#look(event);
      return [chunk];
    }
    const sent = this.#cutter.push(chunk);
    for (const event of sent) if (this.#isWatched) this.#lookAt(event);
    if (this.#cutter.pendingBytes >= LARGE_MESSAGE) this.#isWatched = false;
    // Nothing is looked at any more, so nothing is held back.
    if (!this.#isWatched) sent.push(this.#cutter.end());
    return sent;
  }

  /** What is passed on before the end of a stream that has ended. */
  end(): readonly Uint8Array[] {
    const rest = this.#cutter.end();
    if (this.#isWatched) this.#lookAt(rest);
    return this.#isWatched ? [this.#last('its stream ended without it')] : [rest];
  }

  /** The same for one that has broken off. Null: it has to break off for the agent as well. */
  fail(why: string): readonly Uint8Array[] | null {
    // The client has what it waits for.
    if (this.#isAnswered) return [];
    return this.#isWatched ? [this.#last(why)] : null;
  }

  #last(why: string): Uint8Array {
    return ENCODER.encode(messageEvent(this.#request.lastMessage(why)));
  }

  #lookAt(event: Uint8Array): void {
    if (event.length >= LARGE_MESSAGE) this.#isWatched = false;
    else this.#look(UTF8.decode(event));
  }

  #look(event: string): void {
    if (event === '') return;
    const { data, id } = fieldsOf(event);
    this.#isAnswered = data !== null && answersRequest(data, this.#request.idText);
    if (id !== null || this.#isAnswered) this.#isWatched = false;
  }
}

/** Whether the bytes are whole events in the usual form, as nearly all that come are: they need not be cut. */
function isWholeEvents(chunk: Uint8Array): boolean {
  const { length } = chunk;
  if (length >= LARGE_MESSAGE || chunk[length - 1] !== LF || chunk[length - 2] !== LF) return false;
  return !Buffer.from(chunk.buffer, chunk.byteOffset, length).includes(CR);
}
