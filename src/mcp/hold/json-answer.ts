import { type Json, member } from '../../domain/json/json.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { fieldsOf } from '../sse/fields.ts';
import type { HeldAnswer } from './answer.ts';

/** Longest event that is read, in bytes: a response that is not large, with what the gateway adds to it. */
const LONGEST_READ = 2 * LARGE_MESSAGE;
/** How our notifications begin. No response begins so. */
const NOTIFICATION = '{"jsonrpc":"2.0","method":';

/**
 * The answer of a held call for a client that accepts JSON only: a single response at the end, without heartbeats
 * before it. Messages that the server sends meanwhile cannot reach such a client.
 */
export class HeldJson implements HeldAnswer {
  readonly readerGone: AbortSignal;
  readonly stalled = false;
  readonly response: Promise<Response>;
  readonly #respond: (response: Response) => void;
  readonly #abandoned = new AbortController();
  readonly #headers: Readonly<Record<string, string>>;
  #message: string | readonly Uint8Array[] | null = null;

  /** `headers`: besides the type. */
  constructor(disconnected: AbortSignal, headers: Readonly<Record<string, string>> = {}) {
    this.#headers = { 'content-type': 'application/json', ...headers };
    this.readerGone = AbortSignal.any([disconnected, this.#abandoned.signal]);
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#respond = resolve;
  }

  prime(): void {}

  comment(): void {}

  /** Of a server's stream, this client gets only the event that carries the response; a large one comes by `large`. */
  raw(bytes: Uint8Array): undefined {
    if (bytes.length > LONGEST_READ) return;
    const { data } = fieldsOf(new TextDecoder().decode(bytes));
    if (data !== null && isResponse(data)) this.#message = data;
  }

  /** Keeps a response; notifications cannot be sent to this client. */
  message(json: string): void {
    if (!json.startsWith(NOTIFICATION)) this.#message = json;
  }

  /** The id of an event has no place in this answer. */
  async large(_eventId: string | null, pieces: Iterable<Uint8Array>): Promise<void> {
    this.#message = [...pieces];
  }

  /** The answer is sent in one piece at the end, so all that can be known is whether the client is still connected. */
  taken(): Promise<boolean> {
    return Promise.resolve(!this.readerGone.aborted);
  }

  /** `close` is soon enough here. */
  last(): void {}

  close(): void {
    const headers = this.#headers;
    const message = this.#message;
    if (message === null) this.#respond(new Response(null, { status: 204 }));
    else if (typeof message === 'string') this.#respond(new Response(message, { headers }));
    else this.#respond(new Response(streamOf(message), { headers }));
  }

  abandon(): void {
    this.#abandoned.abort();
  }
}

function streamOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  const left = pieces.values();
  return new ReadableStream({
    pull(out) {
      const { done, value } = left.next();
      if (done) out.close();
      else out.enqueue(value);
    },
  });
}

function isResponse(text: string): boolean {
  try {
    return member(JSON.parse(text) as Json, 'method') === undefined;
  } catch {
    return false;
  }
}
