import { EventBoundary } from '../sse/boundary.ts';
import type { KeepAlive } from '../sse/keep-alive.ts';
import { commentEvent } from '../sse/write.ts';
import type { NodeResponse } from './node-response.ts';
import type { ToldEnd } from './told-end.ts';

/** How an event stream is passed on. */
export interface PassedEvents {
  /** Adds what is missing at the end of the stream; null: it ends as it ends. */
  readonly told: ToldEnd | null;
  /** When a silent stream gets a comment, by which everybody on the way sees that it lives, or finds that it does not. */
  readonly beats: KeepAlive;
}

const COMMENT = new TextEncoder().encode(commentEvent('holdfast'));

/** One stream on its way to an agent: bytes as they come, and comments between events. */
class Passing {
  readonly #told: ToldEnd | null;
  readonly #boundary = new EventBoundary();
  #hasComment = false;

  constructor(told: ToldEnd | null) {
    this.#told = told;
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    const bytes = this.#hasComment ? this.#boundary.behindComment(chunk) : chunk;
    return this.#passed(this.#told?.push(bytes) ?? [bytes]);
  }

  end(): readonly Uint8Array[] {
    return this.#told?.end() ?? [];
  }

  /** Null: the stream breaks off for the agent as well. */
  fail(error: unknown): readonly Uint8Array[] | null {
    return this.#told?.fail(error instanceof Error ? error.message : 'it failed') ?? null;
  }

  /** A comment; null: in the middle of an event there is no room for one. */
  comment(): Uint8Array | null {
    if (!this.#boundary.isBetween) return null;
    this.#hasComment = true;
    return COMMENT.slice();
  }

  #passed(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    for (const part of parts) this.#boundary.pass(part);
    return parts;
  }
}

/** The stream for runtimes whose answers are a `Response`. */
export function passedEvents(
  body: ReadableStream<Uint8Array>,
  { told, beats }: PassedEvents,
): ReadableStream<Uint8Array> {
  const passing = new Passing(told);
  const reader = body.getReader();
  let stream: ReadableStreamDefaultController<Uint8Array>;
  const target = {
    // Without a buffer, a size below zero is a reader who has not taken the last part yet.
    beat: () => {
      const comment = (stream.desiredSize ?? -1) < 0 ? null : passing.comment();
      if (comment !== null) stream.enqueue(comment);
    },
  };
  const sendAll = (parts: readonly Uint8Array[]): number => {
    for (const part of parts) if (part.length > 0) stream.enqueue(part);
    return parts.length;
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        stream = controller;
        beats.add(target);
      },
      async pull() {
        for (;;) {
          const read = await reader.read().catch((error: unknown) => ({ failed: error }));
          if ('failed' in read || read.done) {
            beats.delete(target);
            const last = 'failed' in read ? passing.fail(read.failed) : passing.end();
            if (last === null) throw (read as { failed: unknown }).failed;
            sendAll(last);
            return stream.close();
          }
          beats.put(target);
          if (sendAll(passing.push(read.value)) > 0) return;
        }
      },
      cancel: (reason) => {
        beats.delete(target);
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Writes the answer to node:http's response, which costs markedly less than a stream around the stream. */
export function writePassedEvents(
  { outgoing, alreadySent }: NodeResponse,
  head: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  body: ReadableStream<Uint8Array>,
  { told, beats }: PassedEvents,
): Response {
  const reader = body.getReader();
  const leave = (): void => void reader.cancel().catch(ignore);
  // A write to a closed connection is an error of the response; its `close` tells that the reader has gone.
  outgoing.on('error', ignore);
  if (outgoing.destroyed || outgoing.closed || outgoing.socket === null) {
    leave();
    return alreadySent;
  }
  const passing = new Passing(told);
  const target = {
    beat: () => {
      const comment = outgoing.writableLength > 0 ? null : passing.comment();
      if (comment !== null) outgoing.write(comment);
    },
  };
  beats.add(target);
  outgoing.once('close', () => {
    beats.delete(target);
    leave();
  });
  outgoing.writeHead(head.status, head.headers);
  // The head waits a moment for the first event, with which it is one packet.
  let hasBegun = false;
  setImmediate(() => {
    if (!hasBegun) outgoing.flushHeaders();
  });
  const sendAll = (parts: readonly Uint8Array[]): boolean => {
    let hasRoom = true;
    for (const part of parts) {
      if (part.length === 0) continue;
      hasBegun = true;
      hasRoom = outgoing.write(part);
    }
    return hasRoom;
  };
  const next = (): void => void reader.read().then(onRead, onFailed);
  const onRead = ({ done, value }: ReadableStreamReadResult<Uint8Array>): void => {
    if (!done) beats.put(target);
    if (done) finish(passing.end());
    else if (sendAll(passing.push(value))) next();
    else outgoing.once('drain', next);
  };
  const onFailed = (error: unknown): void => finish(passing.fail(error));
  const finish = (last: readonly Uint8Array[] | null): void => {
    beats.delete(target);
    hasBegun = true;
    sendAll(last ?? []);
    if (last === null) outgoing.destroy();
    else outgoing.end();
  };
  next();
  return alreadySent;
}

function ignore(): void {}
