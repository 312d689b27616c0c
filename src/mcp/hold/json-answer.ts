import { type Json, member } from '../../domain/json/json.ts';
import { fieldsOf } from '../sse/fields.ts';
import type { HeldAnswer } from './answer.ts';

/** How a notification of ours begins. A response may hold anything, but not this at its beginning. */
const NOTIFICATION = '{"jsonrpc":"2.0","method":';

/**
 * The answer of a held call for a client that accepts JSON only: one response at the end, and no sign of life before
 * it. What a server would say meanwhile has no way to such a client.
 */
export class HeldJson implements HeldAnswer {
  readonly left: AbortSignal;
  readonly stalled = false;
  readonly response: Promise<Response>;
  readonly #respond: (response: Response) => void;
  readonly #abandoned = new AbortController();
  #message: string | null = null;

  constructor(disconnected: AbortSignal) {
    this.left = AbortSignal.any([disconnected, this.#abandoned.signal]);
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#respond = resolve;
  }

  prime(): void {}

  comment(): void {}

  /** Of a server's stream only the event that carries the response is for this client. */
  raw(bytes: Uint8Array): undefined {
    const { data } = fieldsOf(new TextDecoder().decode(bytes));
    if (data !== null && isResponse(data)) this.#message = data;
  }

  /** A response ends it; notifications are not for this client. */
  message(json: string): void {
    if (!json.startsWith(NOTIFICATION)) this.#message = json;
  }

  /** The answer goes out whole at the end; that nobody left by now is all that can be told. */
  taken(): Promise<boolean> {
    return Promise.resolve(!this.left.aborted);
  }

  close(): void {
    const headers = { 'content-type': 'application/json' };
    this.#respond(
      this.#message === null ? new Response(null, { status: 204 }) : new Response(this.#message, { headers }),
    );
  }

  abandon(): void {
    this.#abandoned.abort();
  }
}

function isResponse(text: string): boolean {
  try {
    return member(JSON.parse(text) as Json, 'method') === undefined;
  } catch {
    return false;
  }
}
