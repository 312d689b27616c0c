import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** The answers of a server that are not at their end. One set and one listener, for all who ask and for every answer. */
export class OpenAnswers {
  readonly #open = new Set<ServerResponse>();
  #ended: (() => void) | null = null;

  constructor(server: Server) {
    const open = this.#open;
    const ended = (): void => this.#ended?.();
    function closed(this: ServerResponse): void {
      open.delete(this);
      ended();
    }
    server.prependListener('request', (_: IncomingMessage, response: ServerResponse) => {
      open.add(response);
      response.on('close', closed);
    });
  }

  [Symbol.iterator](): Iterator<ServerResponse> {
    return this.#open.values();
  }

  /** Hears of each that ends, from now on. One listener. */
  onEnd(listener: () => void): void {
    this.#ended = listener;
  }
}
