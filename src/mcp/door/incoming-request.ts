import type { IncomingMessage, ServerResponse } from 'node:http';
import { readIncoming } from './read-incoming.ts';

/** What the door uses of a `Request`. */
export type AgentRequest = Pick<Request, 'arrayBuffer' | 'body' | 'bodyUsed' | 'method' | 'signal'>;

/**
 * The same for a POST of node:http that announces its length, without the `Request`: nothing is made before somebody asks
 * for it. A held call asks for its signal, a plain one for nothing.
 */
export class IncomingRequest implements AgentRequest {
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  #left: AbortController | null = null;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  get method(): string {
    return this.#incoming.method ?? '';
  }

  /** It is read from its socket, by `readIncoming`. */
  get body(): null {
    return null;
  }

  get bodyUsed(): boolean {
    return this.#incoming.readableDidRead;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await readIncoming(this.#incoming, Number(this.#incoming.headers['content-length']));
    return new Uint8Array(bytes).buffer;
  }

  /** Aborted when the connection closes before the answer was sent whole. */
  get signal(): AbortSignal {
    if (this.#left !== null) return this.#left.signal;
    const left = new AbortController();
    this.#left = left;
    const outgoing = this.#outgoing;
    const close = (): void => {
      if (!outgoing.writableFinished) left.abort('the connection was closed');
    };
    if (outgoing.closed || outgoing.destroyed) close();
    else outgoing.once('close', close);
    return left.signal;
  }
}
