import type { HeldAnswer } from './held-answer.ts';

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

  raw(): undefined {}

  /** A response ends it; notifications are not for this client. */
  message(json: string): void {
    if (!json.includes('"method":"notifications/')) this.#message = json;
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
